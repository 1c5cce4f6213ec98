"""Demonstrations fit the task or say why not; a Trainer sees the same windows after a resume."""

import pytest
import torch
from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.utilities import CombinedLoader
from tensordict import TensorDict

from datamodules.demonstrations import Demonstrations
from datamodules.rollouts import Rollouts
from datamodules.sources import SourcedDataModule
from lightning_modules.horizons import Horizons
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.schema import Range, TaskSpec

INFO = EpisodeInfo("scripted", success=True)


@pytest.fixture
def path(tmp_path, reach_spec, make_episode):
    store = EpisodeStore.create(tmp_path / "reach", reach_spec)
    for seed in range(6):
        store.append(make_episode(20 + seed, seed), INFO)
    return store.path


def set_up(source, spec, prediction=4, seed=0, rank=0, world_size=1):
    source.setup(spec, 2, prediction, seed, rank, world_size)
    return source


def changed(spec, **changes):
    fields = {name: getattr(spec, name) for name in ("task", "rate", "joints", "action")}
    return TaskSpec(**{**fields, "observation": spec.observation, **changes})


def test_the_split_is_by_episode_and_the_same_under_a_seed(path, reach_spec):
    def split(seed):
        source = set_up(Demonstrations(path, validation=0.3), reach_spec, seed=seed)
        return source.train_ids, source.validation_ids

    train, validation = split(0)
    assert sorted(train + validation) == list(range(6))
    assert len(validation) == 2
    assert split(0) == (train, validation)
    assert len({tuple(split(seed)[1]) for seed in range(8)}) > 1


def test_validation_holds_the_windows_of_the_episodes_asked_for(path, reach_spec):
    source = set_up(Demonstrations(path, batch_size=16, validation=[1, 4]), reach_spec)
    assert (source.train_ids, source.validation_ids) == ([0, 2, 3, 5], [1, 4])
    held_out = torch.cat([batch["action"][:, 0, 0] for batch in source.validation_loader()])
    assert len(held_out) == 21 + 24
    assert set(held_out.long().tolist()) == {1, 4}
    trained = torch.cat([batch["action"][:, 0, 0] for batch in source.train_loader()])
    assert set(trained.long().tolist()) == {0, 2, 3, 5}


def test_without_a_share_there_is_no_validation(path, reach_spec):
    source = set_up(Demonstrations(path, validation=0.0), reach_spec)
    assert source.validation_loader() is None
    assert source.train_ids == list(range(6))


def test_ranks_see_different_windows(path, reach_spec):
    ranks = [
        set_up(
            Demonstrations(path, batch_size=8, steps_per_epoch=4, validation=0.0),
            reach_spec,
            rank=rank,
            world_size=2,
        )
        for rank in range(2)
    ]
    seen = [
        {round(x, 3) for batch in source.train_loader() for x in batch["action"][:, 0, 0].tolist()}
        for source in ranks
    ]
    assert len(seen[0]) == len(seen[1]) == 32
    assert not seen[0] & seen[1]


def test_fields_the_task_does_not_read_are_not_served(path, reach_spec):
    spec = changed(
        reach_spec, observation={"joint_position": reach_spec.observation["joint_position"]}
    )
    batch = next(iter(set_up(Demonstrations(path), spec).train_loader()))
    assert isinstance(batch, TensorDict)
    assert list(batch["observation"].keys()) == ["joint_position"]
    assert set(batch.keys()) == {"observation", "action"}


BAD_TASKS = {
    "another task": ({"task": "push"}, r"holds demonstrations of task 'reach', not 'push'"),
    "another rate": ({"rate": 20.0}, r"recorded at 10 Hz, task 'reach' runs at 20 Hz"),
    "other joints": ({"joints": ("waist", "claw")}, r"joints waist, gripper; .* has waist, claw"),
    "missing field": (
        {"observation": {"goal": Range.repeat(0.0, 1.0, 7)}},
        r"lacks observation field 'goal'; it has joint_position, last_command, object_position",
    ),
    "longer field": (
        {"observation": {"joint_position": Range.repeat(0.0, 1.0, 6)}},
        r"has 1 dimensions of observation field 'joint_position', task 'reach' has 6",
    ),
}


@pytest.mark.parametrize("fault", BAD_TASKS)
def test_a_dataset_of_another_task_is_refused_in_one_sentence(path, reach_spec, fault):
    changes, sentence = BAD_TASKS[fault]
    with pytest.raises(ValueError, match=sentence) as error:
        set_up(Demonstrations(path), changed(reach_spec, **changes))
    assert "\n" not in str(error.value)


def test_a_missing_folder_says_how_to_record(tmp_path, reach_spec):
    with pytest.raises(FileNotFoundError, match="or record"):
        set_up(Demonstrations(tmp_path / "nothing"), reach_spec)


def test_an_empty_store_says_how_to_record(tmp_path, reach_spec):
    EpisodeStore.create(tmp_path, reach_spec)
    with pytest.raises(ValueError, match=r"is empty: .*or record episodes"):
        set_up(Demonstrations(tmp_path), reach_spec)


def test_a_horizon_longer_than_an_episode_names_the_episode(path, reach_spec):
    with pytest.raises(ValueError, match=r"episode 2 .* has 22 steps, fewer .* horizon of 23"):
        set_up(Demonstrations(path, validation=[0, 1]), reach_spec, prediction=23)


def test_a_truncated_episode_names_its_file(path, reach_spec):
    file = path / "episodes" / "00000003" / "steps"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match="00000003/steps is truncated or damaged"):
        set_up(Demonstrations(path), reach_spec)


def test_nan_in_an_episode_names_the_episode(path, reach_spec, make_episode, monkeypatch):
    spoiled = make_episode(30)
    spoiled["action"][7] = float("nan")
    monkeypatch.setattr("robot.episodes.check_episode", lambda *_: None)
    EpisodeStore.open(path).append(spoiled, INFO)
    with pytest.raises(ValueError, match=r"episode 6 of .*'action' .* not finite at step 7"):
        set_up(Demonstrations(path), reach_spec)


def test_an_unknown_validation_episode_lists_those_there_are(path, reach_spec):
    with pytest.raises(ValueError, match=r"has no episode 9; there are \[0, 1, 2, 3, 4, 5\]"):
        set_up(Demonstrations(path, validation=[9]), reach_spec)
    with pytest.raises(ValueError, match="leaves none of the 6 episodes"):
        set_up(Demonstrations(path, validation=list(range(6))), reach_spec)


@pytest.mark.parametrize("arguments", [{"batch_size": 0}, {"validation": 1.0}, {"num_episodes": 0}])
def test_arguments_out_of_range_are_refused(path, arguments):
    with pytest.raises(ValueError, match="must be"):
        Demonstrations(path, **arguments)


def test_few_scripted_episodes_are_an_interrupted_recording(path, make_episode, tmp_path):
    assert not Demonstrations(tmp_path / "nothing").exists()
    assert Demonstrations(path, num_episodes=6).exists()
    assert not Demonstrations(path, num_episodes=7).exists()
    EpisodeStore.open(path).append(make_episode(20), EpisodeInfo("Ada", success=True, human_s=2.0))
    assert Demonstrations(path, num_episodes=100).exists()


class Reach(SourcedDataModule):
    def __init__(self, sources, spec, seed=0):
        super().__init__(sources, seed)
        self.reach_spec = spec

    @property
    def spec(self):
        return self.reach_spec


class Cloner(LightningModule):
    """One linear layer: its weights depend on every batch and on their order."""

    def __init__(self):
        super().__init__()
        self.horizons = Horizons(observation=2, prediction=4, action=2)
        self.layer = torch.nn.Linear(2 * 1, 4 * 2)
        self.seen = []

    def training_step(self, batch, batch_idx):
        if not isinstance(batch, TensorDict):
            batch = torch.cat([batch[name] for name in sorted(batch)])
        self.seen.append(batch["action"].sum().item())
        predicted = self.layer(batch["observation", "joint_position"].flatten(1))
        return (predicted - batch["action"].flatten(1)).square().mean()

    def validation_step(self, batch, batch_idx):
        assert batch["action"].shape[1:] == (4, 2)

    def predict_step(self, batch, batch_idx):
        return len(batch)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)


class Killed(Exception):  # noqa: N818
    pass


class KillAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            raise Killed


def trainer(folder, *callbacks, **options):
    return Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=list(callbacks),
        enable_checkpointing=bool(callbacks),
        **options,
    )


def two_sources(path):
    return {
        "far": Demonstrations(path, batch_size=8, steps_per_epoch=5, validation=[0]),
        "near": Demonstrations(path, batch_size=4, steps_per_epoch=5, validation=[1, 2]),
    }


def one_source(path):
    return {"near": Demonstrations(path, batch_size=8, steps_per_epoch=5, validation=[0])}


@pytest.mark.parametrize("sources", [one_source, two_sources])
@pytest.mark.parametrize("step", [4, 5, 7, 10, 13])
def test_killed_and_resumed_equals_never_killed(tmp_path, path, reach_spec, sources, step):
    def fit(*callbacks, checkpoint=None):
        seed_everything(0, verbose=False)
        module = Cloner()
        data = Reach(sources(path), reach_spec)
        options = {"limit_val_batches": 1 if len(data.sources) == 1 else 0}
        runner = trainer(tmp_path, *callbacks, num_sanity_val_steps=0, **options)
        runner.fit(module, data, ckpt_path=checkpoint)
        return module

    whole = fit()
    saved = ModelCheckpoint(tmp_path / "saved", every_n_train_steps=1, save_top_k=-1)
    with pytest.raises(Killed):
        fit(saved, KillAt(step))
    resumed = fit(checkpoint=saved.best_model_path)
    assert resumed.seen == whole.seen[step:]
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name])


def test_several_sources_come_as_one_batch_by_name(path, reach_spec):
    data = Reach(two_sources(path), reach_spec)
    data.trainer = trainer(path)
    data.trainer.strategy._lightning_module = Cloner()
    data.setup("fit")
    loader = data.train_dataloader()
    assert isinstance(loader, CombinedLoader)
    batch, _, _ = next(iter(loader))
    assert {name: len(part) for name, part in batch.items()} == {"far": 8, "near": 4}


def test_a_source_that_sets_the_epoch_ends_it(path, reach_spec):
    sources = two_sources(path)
    longest = next(iter(sources.values()))
    longest.steps_per_epoch = 50
    for sets_epoch, batches in ((False, 50), (True, 3)):
        rollouts = Rollouts(passes=1, minibatches=3)
        rollouts.sets_epoch = sets_epoch
        data = Reach({"rollouts": rollouts, "demonstrations": longest}, reach_spec)
        data.trainer = trainer(path)
        data.trainer.strategy._lightning_module = Cloner()
        data.setup("fit")
        rollouts.replace(TensorDict({"a": torch.arange(9)}, [9]), iteration=0)
        assert len(list(data.train_dataloader())) == batches


def test_prediction_runs_over_the_validation_windows(path, reach_spec):
    data = Reach(one_source(path), reach_spec)
    counts = trainer(path).predict(Cloner(), data)
    assert sum(counts) == 20


def test_a_task_without_sources_is_refused(reach_spec):
    with pytest.raises(ValueError, match="at least one source"):
        Reach({}, reach_spec)
