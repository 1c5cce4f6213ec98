import pytest
import torch
from lightning import LightningDataModule
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint, RichProgressBar
from rollout_toys import STEPS, ToyLearner, ToyRollout, ToyTask, events, toy_trainer
from torch.utils.data import DataLoader

from callbacks import RolloutEvaluation, RolloutObserver, evaluation
from robot.success_rate import wilson_interval

SETS = ["point", "near", "wide", "table"]


class Watcher(RolloutObserver):
    def __init__(self):
        self.seen = []

    def on_rollouts(self, trainer, pl_module, rollouts):
        self.seen.append(rollouts)


def test_success_is_logged_for_every_phi_set_with_its_interval(tmp_path, toy_rollout):
    watcher = Watcher()
    trainer = toy_trainer(tmp_path, watcher, RolloutEvaluation(episodes=20))
    trainer.fit(ToyLearner(), ToyTask())
    metrics = trainer.callback_metrics
    for name in SETS:
        episodes = watcher.seen[0].episodes[name]
        successes = int((episodes["phi"][:, 1] > 0).sum())
        low, high = wilson_interval(successes, 20)
        tag = f"rollout/success/{name}"
        logged = [float(metrics[tag + part]) for part in ("", "/n", "/lo", "/hi")]
        assert logged == pytest.approx([successes / 20, 20, low, high])
    assert metrics["rollout/success"] == metrics["rollout/success/near"]
    assert metrics["time/robot_s"] == pytest.approx(4 * 20 * STEPS / 10.0)
    assert "rollout/success/table/lo" in events(trainer).Tags()["scalars"]


def test_the_best_checkpoint_can_be_chosen_by_rollout_success(tmp_path, toy_rollout):
    best = ModelCheckpoint(
        tmp_path, "best", monitor="rollout/success", mode="max", save_last=True, every_n_epochs=2
    )
    trainer = toy_trainer(
        tmp_path,
        RolloutEvaluation(episodes=4, every_n_epochs=2),
        best,
        max_epochs=4,
        enable_checkpointing=True,
    )
    trainer.fit(ToyLearner(), ToyTask())
    assert best.best_model_score == trainer.callback_metrics["rollout/success"]
    assert sorted(p.name for p in tmp_path.glob("*.ckpt")) == ["best.ckpt", "last.ckpt"]


def test_validations_share_task_parameters_and_test_has_others(tmp_path, toy_rollout):
    callback = RolloutEvaluation(episodes=6, test_episodes=6)
    trainer = toy_trainer(tmp_path, callback, max_epochs=2)
    learner, task = ToyLearner(), ToyTask()
    trainer.fit(learner, task)
    trainer.test(learner, task, verbose=False)
    first, second, test = (toy_rollout.calls[i : i + 4] for i in (0, 4, 8))
    assert all(torch.equal(a["phi"], b["phi"]) for a, b in zip(first, second, strict=True))
    assert all(not torch.equal(a["phi"], b["phi"]) for a, b in zip(first, test, strict=True))
    assert all(call["seed"] >= 2**31 for call in toy_rollout.calls)
    assert len({call["seed"] for call in first + test}) == 8


def test_every_phi_lies_in_its_set(tmp_path, toy_rollout):
    task = ToyTask()
    toy_trainer(tmp_path, RolloutEvaluation(episodes=50)).fit(ToyLearner(), task)
    for call, phi_set in zip(toy_rollout.calls, task.phi_sets.values(), strict=True):
        assert call["phi"].shape == (50, 3)
        assert phi_set.contains(call["phi"]).all()


def test_epochs_that_are_not_due_and_sanity_checks_roll_nothing_out(tmp_path, toy_rollout):
    trainer = toy_trainer(
        tmp_path, RolloutEvaluation(every_n_epochs=2), max_epochs=5, num_sanity_val_steps=1
    )
    trainer.fit(ToyLearner(), ToyTask())
    assert len(toy_rollout.calls) == 3 * len(SETS)  # after 2, 4 and the last


def test_the_averaged_weights_are_rolled_out_and_the_raw_ones_trained_on(tmp_path, monkeypatch):
    class Peek(ToyRollout):
        def __call__(self, env, policy, phi, seed, record=False, on_batch=None):
            self.weight = policy._module.layer.weight.detach().clone()
            return super().__call__(env, policy, phi, seed, record, on_batch)

    rollout = Peek()
    monkeypatch.setattr(evaluation, "rollout", rollout)
    raw = []

    class Raw(RolloutObserver):
        def on_train_batch_end(self, trainer, pl_module, *args):
            raw.append(pl_module.layer.weight.detach().clone())

    average = EMAWeightAveraging(decay=0.5, use_buffers=False)
    trainer = toy_trainer(tmp_path, average, Raw(), RolloutEvaluation(episodes=1))
    trainer.fit(ToyLearner(), ToyTask())
    expected = raw[0]
    for weight in raw[1:]:
        expected = 0.5 * expected + 0.5 * weight
    torch.testing.assert_close(rollout.weight, expected)


def test_the_arms_time_goes_on_after_a_resume(tmp_path, toy_rollout):
    first = RolloutEvaluation(episodes=2)
    toy_trainer(tmp_path, first).fit(ToyLearner(), ToyTask())
    second = RolloutEvaluation(episodes=2)
    second.load_state_dict(first.state_dict())
    toy_trainer(tmp_path, second).fit(ToyLearner(), ToyTask())
    assert second.robot_s == 2 * first.robot_s > 0


def test_real_rollouts_are_reproducible_and_leave_training_alone(tmp_path):
    def run(folder, *callbacks):
        torch.manual_seed(0)
        watcher, learner = Watcher(), ToyLearner()
        trainer = toy_trainer(tmp_path / folder, *callbacks, watcher)
        trainer.fit(learner, ToyTask())
        return watcher, torch.nn.utils.parameters_to_vector(learner.parameters())

    first, weights = run("one", RolloutEvaluation(episodes=3, num_envs=2))
    second, _ = run("two", RolloutEvaluation(episodes=3, num_envs=2))
    _, untouched = run("three")
    recordings = [watcher.seen[0].recordings["wide"] for watcher in (first, second)]
    assert recordings[0]["state"].shape[:2] == (3, ToyTask.max_steps + 1)
    assert torch.equal(recordings[0]["state"], recordings[1]["state"])
    assert torch.equal(weights, untouched)


def test_the_rollouts_bar_lives_in_the_trainers_own(tmp_path, toy_rollout, monkeypatch):
    monkeypatch.setattr("callbacks.rollout_progress.PATIENCE", -1.0)
    bar = RichProgressBar()
    shown = []

    class Look(ToyRollout):
        def __call__(self, *args, on_batch, **kwargs):
            out = super().__call__(*args, on_batch=on_batch, **kwargs)
            shown.append([t.completed for t in bar.progress.tasks if t.description == "Rollouts"])
            return out

    monkeypatch.setattr(evaluation, "rollout", Look())
    trainer = toy_trainer(tmp_path, bar, RolloutEvaluation(episodes=3), enable_progress_bar=True)
    trainer.fit(ToyLearner(), ToyTask())
    assert shown == [[3], [6], [9], [12]]
    assert all(task.description != "Rollouts" for task in bar.progress.tasks)


def test_a_task_without_a_scene_is_refused_in_one_sentence(tmp_path):
    class Recording(LightningDataModule):
        def train_dataloader(self):
            return DataLoader([0])

    with pytest.raises(ValueError, match="needs a task with a scene and Recording has none"):
        toy_trainer(tmp_path, RolloutEvaluation()).fit(ToyLearner(), Recording())


@pytest.mark.parametrize("name", ["every_n_epochs", "episodes", "test_episodes", "num_envs"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        RolloutEvaluation(**{name: 0})


@pytest.mark.slow
def test_ranks_share_the_episodes_and_agree_on_the_result(tmp_path, toy_rollout):
    alone, together = Watcher(), Watcher()
    toy_trainer(tmp_path, alone, RolloutEvaluation(episodes=5)).fit(ToyLearner(), ToyTask())

    class Compare(Watcher):
        def on_rollouts(self, trainer, pl_module, rollouts):
            torch.save(
                {k: v.to_dict() for k, v in rollouts.episodes.items()},
                tmp_path / f"rank{trainer.global_rank}.pt",
            )

    together = Compare()
    trainer = toy_trainer(
        tmp_path / "ddp", together, RolloutEvaluation(episodes=5), devices=2, strategy="ddp_fork"
    )
    trainer.fit(ToyLearner(), ToyTask())
    for rank in (0, 1):
        episodes = torch.load(tmp_path / f"rank{rank}.pt")
        for name, expected in alone.seen[0].episodes.items():
            assert torch.equal(episodes[name]["phi"], expected["phi"])
            assert torch.equal(episodes[name]["success"], expected["success"])
