import types
from functools import partial

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from simulated_toy import ToyTask
from tensordict import TensorDict
from toy_task import tiny_trainer

from callbacks import Curriculum, NoOpFilter, RolloutCollection, RolloutEvaluation, Timetable
from callbacks.collection import _worlds
from datamodules import BumpedCamera, PickBanana, Rollouts
from lightning_modules import MLPDenoiser, PolicyGradient, Reinforce, Sampler
from lightning_modules.exploring_policy import ExploringPolicy
from robot.rollout import rollout
from robot.simulation.environment import SimulatedArmEnv


class Numbering:
    """A learner whose every decision holds the object's place, so that its episode is known."""

    device = torch.device("cpu")

    class horizons:  # noqa: N801
        observation, action = 2, 5

    def __init__(self):
        self.asked = []

    def explore(self, observations, generator):
        self.asked.append(len(observations))
        place = observations["object_position"][:, -1, 0, 0]
        chunk = observations["last_command"][:, -1:].repeat(1, 5, 1)
        return TensorDict({"condition": place[:, None], "chunk": chunk}, observations.shape[:1])


class EndsAtItsOwnTime:
    """Wraps a toy task: an episode succeeds after as many steps as its second parameter says."""

    def __init__(self, task):
        self._task, self.count = task, None

    def __getattr__(self, name):
        return getattr(self._task, name)

    def place(self, phi):
        self.count = torch.zeros(len(phi))
        return self._task.place(phi)

    def success(self, world, phi):
        self.count += 1
        return self.count >= phi[:, 1]


def test_decisions_find_their_episodes_again():
    task = EndsAtItsOwnTime(ToyTask())
    phi = torch.tensor([[0.31, 3], [0.33, 11], [0.35, 6], [0.37, 12], [0.39, 1]])
    env = SimulatedArmEnv(task, 6, ToyTask.phi_sets["all"], num_threads=1)  # one more than needed
    explorer = ExploringPolicy(Numbering(), len(phi))
    episodes = rollout(env, explorer, phi, seed=0)
    assert episodes["length"].tolist() == [3, 11, 6, 12, 1]
    decisions = explorer.decisions(episodes["length"])
    assert explorer._module.asked == [5, 3, 2]  # ever fewer, as episodes end
    assert len(decisions) == 1 + 3 + 2 + 3 + 1
    place = phi[decisions["attempt"], 0]
    torch.testing.assert_close(decisions["condition"][:, 0], place, rtol=0, atol=0.01)
    for episode, count in enumerate([1, 3, 2, 3, 1]):
        assert decisions["index"][decisions["attempt"] == episode].tolist() == list(range(count))


EPISODES, MINIBATCHES = 4, 3


def fit(
    folder, ckpt_path=None, budget=2 * EPISODES + 1, environments=2, others=(), seed=0, **arguments
):
    """A policy gradient from random weights on the simulated arm, until the budget is spent."""
    torch.manual_seed(0)
    task = PickBanana("point", {"rollouts": Rollouts(1, MINIBATCHES)}, seed=seed)
    network = partial(MLPDenoiser, width=16)
    arguments = {"sampler": Sampler(num_steps=2), "tuned_steps": 1} | arguments
    collection = RolloutCollection(EPISODES, num_envs=3, environments=environments, budget=budget)
    trainer = tiny_trainer(
        max_epochs=50,
        enable_checkpointing=True,
        default_root_dir=folder,
        callbacks=[
            *others,
            collection,
            RolloutEvaluation(every_n_epochs=50, episodes=1),
            ModelCheckpoint(folder, save_last=True),
        ],
    )
    policy = PolicyGradient(task.spec, denoiser=network, **arguments)
    trainer.fit(policy, task, ckpt_path=ckpt_path)
    return trainer, policy, collection


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spent")
    return folder / "last.ckpt", *fit(folder)


def test_the_last_iteration_that_a_budget_has_room_for_is_learnt_from_evaluated_and_kept(spent):
    path, trainer, _, collection = spent
    assert collection.collected == 2 * EPISODES
    assert trainer.global_step == 2 * MINIBATCHES
    assert "rollout/success/table" in trainer.callback_metrics  # due in every 50th epoch, or last
    saved = torch.load(path, weights_only=True)
    assert saved["global_step"] == 2 * MINIBATCHES
    assert saved["callbacks"]["RolloutCollection"]["collected"] == 2 * EPISODES


def test_a_fast_dev_run_collects_and_evaluates_as_little_as_can_be_learnt_from(monkeypatch):
    tried = []
    monkeypatch.setattr(
        "callbacks.evaluation.rollout", lambda *a, **k: tried.append(len(a[2])) or rollout(*a, **k)
    )
    collection = RolloutCollection(budget=500)
    trainer = tiny_trainer(
        fast_dev_run=True, callbacks=[collection, RolloutEvaluation(episodes=64)]
    )
    task = PickBanana("point", {"rollouts": Rollouts(1, MINIBATCHES)})
    network = partial(MLPDenoiser, width=16)
    sampler = Sampler(num_steps=2)
    trainer.fit(PolicyGradient(task.spec, denoiser=network, sampler=sampler, tuned_steps=1), task)
    assert collection.collected == MINIBATCHES
    assert trainer.global_step == 1
    assert tried == [1] * len(task.phi_sets)


def test_what_is_learnt_does_not_depend_on_how_many_environments_run_at_the_same_time(
    spent, tmp_path
):
    _, policy, _ = fit(tmp_path, environments=1)
    for name, value in spent[2].state_dict().items():
        assert torch.equal(policy.state_dict()[name], value), name


def test_a_run_that_has_spent_its_budget_is_not_trained_further(spent, tmp_path, caplog):
    with caplog.at_level("INFO"):
        trainer, policy, collection = fit(tmp_path, spent[0])
    assert collection.collected == 2 * EPISODES
    assert trainer.global_step == 2 * MINIBATCHES
    assert "8 of the budget's 9 are spent" in caplog.text
    for name, value in spent[2].state_dict().items():
        assert torch.equal(policy.state_dict()[name], value), name


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, "data.seed"),
        ({"target_kl": 0.5}, "target_kl"),
        ({"critic_warmup": 9}, "critic"),
    ],
)
def test_a_run_goes_on_as_it_was_begun(spent, tmp_path, changed, named):
    with pytest.raises(ValueError, match=f"a resumed run keeps its {named}"):
        fit(tmp_path, spent[0], budget=3 * EPISODES, **changed)


def test_with_more_budget_it_goes_on(spent, tmp_path):
    trainer, _, collection = fit(tmp_path, spent[0], budget=3 * EPISODES)
    assert collection.collected == 3 * EPISODES
    assert trainer.global_step == 3 * MINIBATCHES


def test_a_policy_that_has_moved_far_enough_takes_no_further_step_and_is_validated(tmp_path):
    arguments = {"target_kl": 1e-9, "learning_rate": 0.1, "critic_warmup": 0}
    trainer, _, _ = fit(tmp_path, budget=EPISODES, **arguments)
    assert trainer.callback_metrics["train/kl"] > 1e-9
    steps = {int(state["step"]) for state in trainer.optimizers[0].state.values()}
    assert steps == {2}  # of three; before the first it has not moved
    assert "rollout/success/table" in trainer.callback_metrics


def test_without_reward_and_critic_nothing_changes(tmp_path):
    """REINFORCE from random weights: its gradient is exactly 0 while every return is 0."""
    trainer, _, _ = fit(tmp_path, objective=Reinforce(), learning_rate=0.1)
    assert trainer.callback_metrics["collection/success"] == 0
    assert trainer.callback_metrics["train/grad_norm"] == 0
    begun = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    assert not any(name.startswith("critic") for name in begun)


def test_attempts_are_made_where_the_curriculum_says(tmp_path):
    curriculum = Curriculum(Timetable(0), whole="table")
    fit(tmp_path, budget=EPISODES, others=[curriculum])
    phi = curriculum.attempts["phi"]
    point, table = (PickBanana.phi_sets[name] for name in ("point", "table"))
    assert phi.shape == (EPISODES, 3)
    assert table.contains(phi).all()
    assert not point.contains(phi).any()  # it is a thousandth of the table


def test_trials_of_doing_nothing_that_leave_no_budget_are_refused(tmp_path):
    task = PickBanana("point", {"rollouts": Rollouts(minibatches=2)})
    collection = RolloutCollection(EPISODES, budget=EPISODES + 9)
    trainer = types.SimpleNamespace(datamodule=task, world_size=1, fast_dev_run=False)
    trainer.callbacks = [Curriculum(NoOpFilter(trials=10)), collection]
    trainer.callbacks[0].setup(trainer, None, "fit")
    learner = PolicyGradient(task.spec, denoiser=partial(MLPDenoiser, width=16))
    with pytest.raises(ValueError, match=r"10 trials .* 4 attempts .* the budget of 13"):
        collection.setup(trainer, learner, "fit")


def test_worlds_are_seen_as_one_and_differ_in_what_is_hidden():
    task = BumpedCamera("wide", {"rollouts": Rollouts()})
    phi = _worlds(task, task.phi_set, 12, 4, torch.Generator().manual_seed(0))
    assert task.phi_set.contains(phi).all()
    visible, hidden = task.phi_space.visible(phi), task.phi_space.hidden(phi)
    assert len(visible.unique(dim=0)) == 3
    for view in visible.split(4):
        assert torch.equal(view, view[:1].expand_as(view))
    assert len(hidden.unique(dim=0)) == 12
