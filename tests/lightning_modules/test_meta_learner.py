"""A policy with a memory: what it remembers, and that it acts on what it was trained to read."""

import types
from functools import partial

import pytest
import torch
from tensordict import TensorDict
from toy_task import SPEC, observations, tiny_policy, tiny_trainer

from callbacks.lifetimes.lives import live
from callbacks.lifetimes.recorded import decisions
from datamodules import HiddenReach, Rollouts
from lightning_modules import Horizons, MetaLearner, MLPDenoiser
from lightning_modules.lifetime_batch import before, decided, executed
from lightning_modules.lifetime_policy import LifetimePolicy
from lightning_modules.networks.trunk import Memory, Trunk

LIFETIMES, SHOTS, DECISIONS, STEPS = 5, 3, 4, 8  # Ta is 2


def learner(**arguments):
    torch.manual_seed(0)
    defaults = {
        "denoiser": partial(MLPDenoiser, width=32),
        "horizons": Horizons(observation=2, prediction=4, action=2),
        "width": 16,
        "num_layers": 2,
        "num_heads": 2,
        "context": SHOTS * DECISIONS,
    }
    return MetaLearner(**{"spec": SPEC, **defaults, **arguments}).eval()


def lifetimes(seed=0):
    """Made-up ones, some of whose episodes end early."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.rand(LIFETIMES, SHOTS, *shape, generator=generator)

    length = torch.randint(1, STEPS + 1, (LIFETIMES, SHOTS), generator=generator)
    return TensorDict(
        {
            "observation": draw(DECISIONS, 2, SPEC.observation_dim),
            "last_command": torch.zeros(LIFETIMES, SHOTS, DECISIONS, 2),
            "action": draw(STEPS, 2) * torch.tensor([4.0, 0.1]),
            "oracle": draw(DECISIONS, 4, 2) * torch.tensor([4.0, 0.1]),
            "length": length,
            "success": torch.rand(LIFETIMES, SHOTS, generator=generator) < 0.5,
            "own": torch.zeros(LIFETIMES, dtype=torch.bool),
        },
        [LIFETIMES],
    )


def test_reading_token_by_token_is_reading_at_once():
    torch.manual_seed(0)
    trunk = Trunk(7, width=16, num_layers=2, num_heads=2, context=12).eval()
    tokens, mask = torch.randn(LIFETIMES, 12, 7), torch.rand(LIFETIMES, 12) < 0.7
    mask[:, 0] = True
    memory = Memory.empty(LIFETIMES, keep=True)
    with torch.no_grad():
        whole = trunk(tokens, mask)
        parts = [trunk(tokens[:, i : i + 1], mask[:, i : i + 1], memory) for i in range(12)]
    torch.testing.assert_close(torch.cat(parts, 1)[mask], whole[mask], rtol=1e-4, atol=1e-5)


def test_a_memory_goes_on_as_that_of_another_lifetime():
    torch.manual_seed(0)
    trunk = Trunk(7, width=16, num_layers=2, num_heads=2, context=12).eval()
    tokens, mask = torch.randn(3, 6, 7), torch.ones(3, 6, dtype=torch.bool)
    mask[2, 3] = False
    rows = torch.tensor([2, 0, 2])
    with torch.no_grad():
        whole = trunk(tokens[rows], mask[rows])
        memory = Memory.empty(3, keep=True)
        trunk(tokens[:, :4], mask[:, :4], memory)
        memory.select(rows)
        later = trunk(tokens[rows, 4:], mask[rows, 4:], memory)
    torch.testing.assert_close(later, whole[:, 4:], rtol=1e-4, atol=1e-5)


def test_neither_what_comes_later_nor_what_is_not_there_is_read():
    torch.manual_seed(0)
    trunk = Trunk(7, width=16, num_layers=2, num_heads=2, context=12).eval()
    tokens, mask = torch.randn(1, 12, 7), torch.ones(1, 12, dtype=torch.bool)
    mask[0, 3] = False
    with torch.no_grad():
        before_change = trunk(tokens, mask)
        tokens[0, 3], tokens[0, 9] = 100.0, 100.0
        after = trunk(tokens, mask)
    there = mask[0, :9].nonzero()[:, 0]
    torch.testing.assert_close(after[0, there], before_change[0, there])
    assert not torch.allclose(after[0, 9:], before_change[0, 9:])


def test_a_lifetime_longer_than_the_context_is_refused():
    trunk = Trunk(7, width=16, num_layers=1, num_heads=2, context=4)
    tokens, mask = torch.randn(2, 5, 7), torch.ones(2, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match="a lifetime of 5 decisions is longer than the 4"):
        trunk(tokens, mask)
    mask[:, 1] = False  # one less
    trunk(tokens, mask)


def test_what_was_executed_begins_at_each_decision_and_holds_the_last_action():
    batch = lifetimes()
    done = executed(batch, action_horizon=2, horizon=4)
    assert done.shape == (LIFETIMES, SHOTS, DECISIONS, 4, 2)
    for i, j, k in decided(batch, 2).nonzero().tolist():
        last = int(batch["length"][i, j]) - 1
        for step in range(4):
            expected = batch["action"][i, j, min(2 * k + step, last)]
            assert torch.equal(done[i, j, k, step], expected)


def test_the_decision_before_may_be_of_the_episode_before():
    values = torch.arange(1.0, 7)[None, :, None]
    there = torch.tensor([[True, True, False, True, False, True]])
    found = before(values, there)[0, :, 0]
    assert found[there[0]].tolist() == [0, 1, 2, 4]


class Played:
    """Lets a stored lifetime be lived again: shows its observations, executes its actions."""

    def __init__(self, policy, batch):
        self.policy, self.batch = policy, batch
        self.conditions = []

    def __call__(self, shot, decision, rows):
        batch = self.batch
        seen = batch["observation"][rows, shot, decision]  # [B, To, Do]
        fields = TensorDict({"target": seen[..., :1], "clock": seen[..., 1:]}, seen.shape[:2])
        episode = rows[:, None, None].expand(-1, 2, 1)
        numbers, seen = episode[:, -1, 0], self.policy._module.see(fields)
        rest = self.policy._rest(seen, numbers)
        condition = self.policy._remember(seen, rest, numbers)
        self.conditions.append((rows, shot, decision, condition))
        self.policy.executed(numbers, executed(batch, 2, 2)[rows, shot, decision])
        self.policy._decisions[rows] += 1


def test_acting_reads_the_same_tokens_as_training():
    """The condition of every decision of a lifetime, lived and read from the store."""
    model, batch = learner(), lifetimes()
    wanted = {}
    model.denoising_loss = lambda x_0, condition, *_: wanted.update(c=condition) or x_0.mean((1, 2))
    with torch.no_grad():
        model._loss(batch, torch.Generator())
        there = decided(batch, 2)
        policy = LifetimePolicy(model, LIFETIMES)
        played = Played(policy, batch)
        for shot in range(SHOTS):
            for decision in range(DECISIONS):
                rows = there[:, shot, decision].nonzero()[:, 0]
                if len(rows):
                    played(shot, decision, rows)
            policy.end_episode(batch["success"][:, shot])
    stored = torch.zeros(LIFETIMES, SHOTS, DECISIONS, wanted["c"].shape[-1])
    stored[there] = wanted["c"]
    assert len(played.conditions) >= SHOTS
    for rows, shot, decision, condition in played.conditions:
        torch.testing.assert_close(condition, stored[rows, shot, decision], rtol=1e-4, atol=1e-5)


def test_a_memory_that_is_emptied_makes_all_episodes_first_ones():
    model, seen = learner(), observations(4)
    seen["episode"] = torch.arange(4)[:, None, None].expand(-1, 2, 1)
    chunks = {}
    for forgets in (True, False):
        policy = LifetimePolicy(model, 4, forgets)
        chunks[forgets] = []
        for _ in range(2):
            chunks[forgets].append(policy(seen, torch.Generator().manual_seed(1)))
            policy.end_episode(torch.ones(4, dtype=torch.bool))
    torch.testing.assert_close(*chunks[True])
    assert not torch.allclose(*chunks[False])


def test_it_starts_as_the_skill_whatever_it_remembers(tmp_path):
    skill = tiny_policy().eval()
    trainer = tiny_trainer(limit_val_batches=0)
    trainer.strategy.connect(skill)
    trainer.save_checkpoint(tmp_path / "skill.ckpt")
    model = learner(skill=str(tmp_path / "skill.ckpt"), sampler=skill.sampler)
    x, k = torch.randn(4, 4, 2), torch.full((4,), 7)
    condition = skill.encode(observations(4))
    with torch.no_grad():
        expected = skill.denoiser(x, k, condition)
        for memory in (torch.zeros(4, 16), torch.randn(4, 16)):
            found = model.denoiser(x, k, torch.cat([condition, memory], dim=-1))
            torch.testing.assert_close(found, expected)


def test_the_loss_is_of_what_was_executed_of_the_oracles_chunks_or_of_both():
    batch = lifetimes()
    losses = {}
    for imitation, oracle in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        model = learner(imitation=imitation, oracle=oracle)
        drawn = []
        model.denoising_loss = lambda x_0, *_, drawn=drawn: drawn.append(x_0) or x_0.mean((1, 2))
        with torch.no_grad():
            losses[imitation, oracle] = float(model._loss(batch, torch.Generator()))
        assert len(drawn) == imitation + oracle
        assert len(drawn[0]) == int(decided(batch, 2).sum())
    assert losses[1, 1] == pytest.approx(losses[1, 0] + losses[0, 1], rel=1e-5)
    with pytest.raises(ValueError, match=r"imitation is 0\.0 and oracle 0\.0"):
        learner(imitation=0.0, oracle=0.0)


def test_own_lifetimes_are_learnt_by_the_oracles_labels_alone():
    """Whatever was executed in them."""
    batch = lifetimes()
    batch["own"] = torch.tensor([True, False, True, False, False])
    changed = batch.clone()
    changed["action"][0, -1, -1] += 1.0  # the last action of the last episode: seen by no decision
    changed["action"][2, -1, -1] -= 1.0
    with torch.no_grad():
        model = learner(oracle=1.0)
        losses = [float(model._loss(b, torch.Generator().manual_seed(0))) for b in (batch, changed)]
        assert losses[0] == losses[1]
        batch["own"][:] = changed["own"][:] = False
        batch["length"][:, -1] = changed["length"][:, -1] = STEPS
        losses = [float(model._loss(b, torch.Generator().manual_seed(0))) for b in (batch, changed)]
        assert losses[0] != losses[1]


def test_a_skill_with_a_memory_of_its_own_is_refused(tmp_path):
    trainer = tiny_trainer(limit_val_batches=0)
    trainer.strategy.connect(learner())
    trainer.save_checkpoint(tmp_path / "meta.ckpt")
    with pytest.raises(ValueError, match=r"MetaLearner, which has a memory of its own"):
        learner(skill=str(tmp_path / "meta.ckpt"))


def test_a_checkpoint_of_another_trunk_is_refused(tmp_path):
    """Its weights would fit, and mean something else."""
    trainer = tiny_trainer(limit_val_batches=0)
    trainer.strategy.connect(learner())
    trainer.save_checkpoint(tmp_path / "meta.ckpt")
    checkpoint = torch.load(tmp_path / "meta.ckpt", weights_only=True)
    learner().on_load_checkpoint(checkpoint)
    with pytest.raises(ValueError, match="its num_heads is 2, the current one is 4"):
        learner(num_heads=4).on_load_checkpoint(checkpoint)


def test_a_checkpoint_without_a_memory_is_refused(tmp_path):
    trainer = tiny_trainer(limit_val_batches=0)
    trainer.strategy.connect(tiny_policy())
    trainer.save_checkpoint(tmp_path / "skill.ckpt")
    checkpoint = torch.load(tmp_path / "skill.ckpt", weights_only=True)
    with pytest.raises(ValueError, match="it has no memory, the current one has"):
        learner().on_load_checkpoint(checkpoint)


def test_what_it_cannot_learn_from_is_refused_before_training():
    model = learner()
    for source, why in (
        (Rollouts(), "'there' is filled while a policy acts"),
        (types.SimpleNamespace(collected=False), "datamodules.Lifetimes, 'there' serves something"),
    ):
        task = types.SimpleNamespace(sources={"there": source})
        model._trainer = types.SimpleNamespace(datamodule=task)
        with pytest.raises(ValueError, match=why):
            model.setup("fit")


def test_lifetimes_longer_than_the_context_are_refused_before_training():
    model = learner(context=8)
    source = types.SimpleNamespace(shape=(SHOTS, DECISIONS), collected=False)
    task = types.SimpleNamespace(sources={"lifetimes": source})
    model._trainer = types.SimpleNamespace(datamodule=task)
    with pytest.raises(ValueError, match=r"'lifetimes' take up to 12 .* the context of 8"):
        model.setup("fit")


class Noting(LifetimePolicy):
    """Keeps what its tokens have beside what is seen."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.noted = []

    def _rest(self, seen, rows):
        rest = super()._rest(seen, rows)
        self.noted.append(rest)
        return rest


def test_what_was_done_is_remembered_as_it_was_sent_and_not_as_it_was_wanted():
    """Commands that are clipped, and an episode that ends within a chunk: as the store has them."""
    task = HiddenReach("wide", {"rollouts": Rollouts()})  # 16 steps: the third chunk is cut
    model = learner(
        spec=task.spec, horizons=Horizons(observation=1, prediction=8, action=6), context=9
    )
    model.denoiser.requires_grad_(False)
    phi = task.phi_set.sample(LIFETIMES, torch.Generator().manual_seed(0))
    policy = Noting(model, LIFETIMES)
    shots = live(task.environment(LIFETIMES), policy, phi, SHOTS, seed=0, record=True)
    sent = torch.stack([shot["trajectory", "action"] for shot in shots], dim=1)
    assert (sent[..., 0] == task.spec.action.high[0]).float().mean() > 0.1  # the edge of the table
    parts = [decisions(shot, model, task.max_steps) for shot in shots]
    stored = torch.stack(parts, dim=1)
    flat = task.spec.flatten(stored["observation"])
    stored = stored.auto_batch_size_(batch_dims=1).set("observation", flat)
    there = decided(stored, 6)
    origin = stored["last_command"][..., None, :]
    done = model.normalizer.action(executed(stored, 6, 6), origin)
    rest = model._rest(stored, there, done)
    torch.testing.assert_close(torch.stack(policy.noted, dim=1), rest, rtol=1e-5, atol=1e-6)


def test_what_has_learnt_to_adapt_to_one_thing_is_not_taken_for_another(tmp_path):
    model = learner()
    model._trainer = types.SimpleNamespace(datamodule=types.SimpleNamespace(task_name="wanted"))
    checkpoint = {"state_dict": model.state_dict()}
    model.on_save_checkpoint(checkpoint)
    model._trainer = types.SimpleNamespace(datamodule=types.SimpleNamespace(task_name="bumped"))
    with pytest.raises(ValueError, match="learnt to adapt on wanted, the task is bumped"):
        model.on_load_checkpoint(checkpoint)
