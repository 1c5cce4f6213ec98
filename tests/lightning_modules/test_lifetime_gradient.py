"""Learning from own lifetimes: what is noted, what it counts, and that it is learnt."""

from functools import partial

import pytest
import torch
from tensordict import TensorDict
from toy_task import SPEC, tiny_policy, tiny_trainer

from callbacks.attempts import Attempts, all_attempts, all_decisions
from callbacks.collection import RolloutCollection
from callbacks.lifetimes.lives import live
from datamodules import HiddenReach, Rollouts
from lightning_modules import (
    PPO,
    Exploration,
    FilteredCloning,
    Horizons,
    LifetimeGradient,
    MetaLearner,
    MLPDenoiser,
    Reinforce,
    Sampler,
    Stitching,
    load_policy,
)
from lightning_modules.lifetime_gradient import in_lifetimes
from lightning_modules.policy import load_learner

SHOTS, LIFETIMES = 3, 8
SIZES = {"width": 16, "num_layers": 1, "num_heads": 2, "context": 2 * SHOTS}


def reach():
    return HiddenReach("wide", {"rollouts": Rollouts()})


def learner(**arguments):
    torch.manual_seed(0)
    defaults = {
        "spec": reach().spec,
        "denoiser": partial(MLPDenoiser, width=32),
        "horizons": Horizons(observation=1, prediction=8, action=8),
        "sampler": Sampler(num_steps=3),
        "shots": SHOTS,
        **SIZES,
    }
    return LifetimeGradient(**{**defaults, **arguments}).eval()


def lived(model, lifetimes=LIFETIMES):
    """Lifetimes of an explorer: what was decided, and what became of it."""
    task = reach()
    phi = task.phi_set.sample(lifetimes, torch.Generator().manual_seed(0))
    # Two groups, so that lifetimes have to be told apart across them.
    groups = Attempts(lifetimes // 2, shots=SHOTS)(task, model, True, phi, ("test",))
    return all_decisions(groups), all_attempts(groups)


class NoLog:
    """A learner outside of a trainer."""

    def __init__(self, model):
        model.log = lambda *_, **__: None
        model.note_kl = lambda ratio: self.ratios.append(ratio)
        self.ratios = []


def test_at_first_every_density_is_the_one_that_was_noted():
    model = learner()
    log = NoLog(model)
    decisions, attempts = lived(model)
    samples = model.samples(decisions, attempts)
    with torch.no_grad():
        model.attempts_loss(samples, torch.Generator())
    (ratio,) = log.ratios
    assert len(ratio) == LIFETIMES * SHOTS * 2 * 3  # two decisions an episode, three steps each
    torch.testing.assert_close(ratio, torch.zeros_like(ratio), rtol=0, atol=2e-4)


def test_a_decision_is_rated_by_what_its_own_lifetime_remembers():
    """In another lifetime's memory the same decisions are not as likely."""
    model = learner()
    log = NoLog(model)
    decisions, attempts = lived(model)
    samples = model.samples(decisions, attempts)
    samples["rest"] = samples["rest"].roll(1, 0)
    with torch.no_grad():
        model.attempts_loss(samples, torch.Generator())
    assert log.ratios[0].abs().max() > 1e-3


def test_decisions_find_their_place_in_lifetimes():
    attempt = torch.tensor([0, 1, 0, 0, 1])
    shot = torch.tensor([0, 0, 0, 1, 2])
    index = torch.tensor([0, 0, 1, 0, 0])
    value = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]])
    decisions = TensorDict({"attempt": attempt, "shot": shot, "index": index, "v": value}, [5])
    found = in_lifetimes(decisions, count=2, shots=3)
    assert found["v"][..., 0].tolist() == [[1, 3, 4, 0, 0, 0], [2, 0, 0, 0, 5, 0]]
    assert found["there"].int().tolist() == [[1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0]]
    assert found["last"].int().tolist() == [[0, 1, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0]]
    assert found["shot"][0].tolist() == [0, 0, 1, 1, 2, 2]


def test_what_a_decision_earns_is_counted_to_the_end_of_its_lifetime():
    model = learner(objective=Reinforce(gamma=0.5))
    NoLog(model)
    decisions, attempts = lived(model)
    attempts["success"] = torch.zeros(LIFETIMES, SHOTS, dtype=torch.bool)
    attempts["success"][0] = torch.tensor([False, True, True])
    weight = model.samples(decisions, attempts)["weight"]
    assert weight[0].tolist() == [0.75, 0.75, 1.5, 1.5, 1.0, 1.0]
    assert not weight[1:].any()


def test_the_memory_goes_on_and_rewards_are_of_the_lifetime_they_were_earned_in():
    decisions, attempts = lived(learner())
    assert attempts["success"].shape == attempts["length"].shape == (LIFETIMES, SHOTS)
    assert decisions["attempt"].unique().tolist() == list(range(LIFETIMES))
    seen = in_lifetimes(decisions, LIFETIMES, SHOTS)
    begins, won = seen["rest"][..., -2], seen["rest"][..., -3]
    assert begins.tolist() == [[1.0, 0.0] * SHOTS] * LIFETIMES
    earlier = attempts["success"][:, :-1].float()
    assert torch.equal(won.view(LIFETIMES, SHOTS, 2)[:, 1:, 0], earlier)


def test_cloning_own_successes_makes_them_likelier():
    """One that goes anywhere learns to go where it has succeeded."""
    task = reach()
    model = learner(
        objective=FilteredCloning(gamma=0.0),
        sampler=Sampler(num_steps=5),
        learning_rate=2e-3,
        exploration=Exploration(0.01),
    )
    collection = RolloutCollection(512, num_envs=512, environments=1)
    task.sources["rollouts"] = Rollouts(passes=4, minibatches=8)
    trainer = tiny_trainer(max_epochs=6, callbacks=[collection], gradient_clip_val=1.0)
    logged = []

    def success():
        _, attempts = lived(model.eval(), 512)
        logged.append(attempts["success"].float().mean().item())

    success()
    trainer.fit(model, task)
    success()
    assert collection.collected == 6 * 512
    assert logged[1] > logged[0] + 0.05


def test_lifetimes_that_share_their_noise_do_the_same_until_they_are_told_otherwise():
    model = learner(common_noise=4)
    task = reach()
    phi = task.phi_set.spread(1, torch.Generator().manual_seed(0)).repeat(LIFETIMES, 1)
    env = PointEnvAtHome(task.environment(LIFETIMES))
    policy = model.explorer(LIFETIMES)
    live(env, policy, phi, SHOTS, seed=0)
    chunk = torch.stack([note["chain"][:, -1] for note in policy._noted])  # [decisions, N, ...]
    for draw in chunk.split(4, dim=1):
        torch.testing.assert_close(draw, draw[:, :1].expand_as(draw))
    assert not torch.allclose(chunk[:, 0], chunk[:, 4])


def test_worlds_that_look_alike_stay_alike_whatever_has_come_of_it():
    """All remember what a miss of theirs has seen; told apart they would go different ways."""
    task = reach()
    seen = torch.randn(LIFETIMES, 4, generator=torch.Generator().manual_seed(0))
    missed = torch.tensor([1, 1, 1, 1, 6, 6, 6, 6])
    chunks = {}
    for worlds in (1, 4):
        model = learner(common_noise=4, worlds=worlds, objective=Stitching())
        policy = model.explorer(LIFETIMES)
        env = PointEnvAtHome(task.environment(LIFETIMES))
        now = env.reset(phi=task.phi_set.sample(1, torch.Generator()).expand(LIFETIMES, -1))
        window = now["observation"][:, None]
        window["episode"] = torch.arange(LIFETIMES)[:, None, None]
        outcome = window.clone()  # each has seen something else in its first episode
        name = max(model.spec.needed_fields, key=lambda n: outcome[n].numel())
        outcome[name] = outcome[name] + seen[:, None, : outcome[name].shape[-1]]
        policy(outcome, torch.Generator().manual_seed(0))
        policy.executed(torch.arange(LIFETIMES), torch.zeros(LIFETIMES, 8, 2))
        policy.end_episode(torch.tensor([1, 0, 0, 1, 1, 1, 0, 1], dtype=torch.bool))
        chunks[worlds] = policy(window, torch.Generator().manual_seed(1))
    for group in chunks[4].split(4):
        torch.testing.assert_close(group, group[:1].expand_as(group))
    torch.testing.assert_close(chunks[4], chunks[1][missed])
    assert not torch.allclose(chunks[1][0], chunks[1][1])


class PointEnvAtHome:
    """Points that all begin at the same place."""

    def __init__(self, env):
        self._env = env

    def __getattr__(self, name):
        return getattr(self._env, name)

    def reset(self, **arguments):
        self._env._generator.manual_seed(0)
        now = self._env.reset(**arguments)
        self._env._point[:] = self._env._point[:1].clone()
        self._env._command[:] = self._env._point
        seen = self._env._observe()
        return now.update(seen)


def test_one_that_stitches_is_told_of_no_success_and_clones_a_lifetime_for_each_phi():
    model = learner(objective=Stitching(), common_noise=4)
    decisions, attempts = lived(model)
    begins_won = in_lifetimes(decisions, LIFETIMES, SHOTS)["rest"][..., -3]
    assert not begins_won.any()
    attempts["success"] = torch.zeros(LIFETIMES, SHOTS, dtype=torch.bool)
    attempts["success"][5, 1] = True  # the second draw, at the second phi
    samples = model.samples(decisions, attempts)
    assert len(samples) == 4
    told = model.outcomes(attempts)
    assert torch.equal(told["phi"], attempts["phi"][:4])
    assert told["success"].tolist() == [[False] * 3, [True] * 3, [False] * 3, [False] * 3]
    won = samples["rest"][..., -3].view(4, SHOTS, 2)
    assert won[1, :, 0].tolist() == [0, 1, 1]
    loss, critic_loss = model.attempts_loss(samples, torch.Generator().manual_seed(0))
    assert critic_loss is None
    assert loss.requires_grad


def test_stitching_teaches_to_search():
    """One that goes anywhere learns in which order to try things, and to keep what succeeds."""
    task = reach()
    model = learner(
        objective=Stitching(),
        common_noise=64,
        sampler=Sampler(num_steps=5),
        learning_rate=3e-3,
        exploration=Exploration(0.01),
    )
    collection = RolloutCollection(1024, num_envs=1024, environments=1)
    task.sources["rollouts"] = Rollouts(passes=60, minibatches=2)
    trainer = tiny_trainer(max_epochs=2, callbacks=[collection], gradient_clip_val=1.0)
    logged = []

    def success():
        phi = task.phi_set.sample(512, torch.Generator().manual_seed(1))
        groups = Attempts(512, shots=SHOTS)(task, model.eval(), False, phi, ("then",))
        logged.append(all_attempts(groups)["success"].float().mean().item())

    success()
    trainer.fit(model, task)
    success()
    assert logged[1] > logged[0] + 0.1


def test_it_starts_as_the_meta_learner_it_is_given(tmp_path):
    torch.manual_seed(1)
    meta = MetaLearner(
        reach().spec,
        denoiser=partial(MLPDenoiser, width=32),
        horizons=Horizons(observation=1, prediction=8, action=8),
        **SIZES,
    )
    path = saved(meta, tmp_path / "meta.ckpt")
    model = learner(meta_learner=path, denoiser=MLPDenoiser, width=64)
    for name, value in meta.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    again = saved(model, tmp_path / "tuned.ckpt")
    loaded = load_learner(again)
    assert isinstance(loaded, LifetimeGradient)
    assert loaded.init_args() == model.init_args()
    assert isinstance(learner(meta_learner=again), LifetimeGradient)  # and goes on from its own


def saved(model, path):
    trainer = tiny_trainer(max_epochs=0)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(path)
    return str(path)


def test_what_is_no_meta_learner_is_refused(tmp_path):
    path = saved(tiny_policy(), tmp_path / "policy.ckpt")
    with pytest.raises(ValueError, match=r"policy.ckpt holds no meta-learner but a .*DiffusionPol"):
        LifetimeGradient(SPEC, meta_learner=path)
    with pytest.raises(ValueError, match="its task is toy, the current one is reach"):
        LifetimeGradient(reach().spec, meta_learner=path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shots": 0}, "shots is 0"),
        ({"common_noise": 0}, "common_noise is 0"),
        ({"objective": Stitching()}, "Stitching compares lifetimes that share noise"),
        ({"common_noise": 4, "worlds": 2}, "2 worlds share a memory: for Stitching"),
        (
            {"objective": Stitching(), "common_noise": 4, "worlds": 3},
            r"common_noise \(4\) is a multiple of worlds",
        ),
        ({"sampler": Sampler(kind="dpm_solver", eta=0.0)}, "no density"),
        ({"target_kl": 0.0}, "target_kl is 0"),
        ({"cloning_weight": -1.0}, "cloning_weight is -1"),
    ],
)
def test_bad_arguments_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        learner(**wrong)


def test_its_checkpoint_acts(tmp_path):
    path = saved(learner(objective=PPO()), tmp_path / "one.ckpt")
    policy = load_policy(path)
    assert policy.action_horizon == 8
