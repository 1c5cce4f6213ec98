"""Knobs make a policy worse in the way they say, and leave the policy itself alone."""

from dataclasses import replace

import pytest
import torch
from toy_task import observations, tiny_policy

from lightning_modules import Sampler
from lightning_modules.skill import (
    ActionNoise,
    DenoisingTruncation,
    EarlierCheckpoint,
    EpisodeTruncation,
    EpsilonRandom,
    Guidance,
    InitialTemperature,
    Stride,
    Temperature,
    WrongHypothesis,
)
from lightning_modules.skill.sampling import SamplerKnob

SIZE = 400


def seen(size=SIZE, first=0):
    """Observations as a rollout shows them: it says which episode each is of."""
    fields = observations(size)
    fields["last_command"] = torch.zeros(size, 2, 2)
    episode = torch.arange(first, first + size)[:, None, None]
    return fields.set("episode", episode.expand(-1, 2, 1))


def act(policy, fields, seed=0):
    return policy(fields, torch.Generator().manual_seed(seed))


class Still:
    """A policy that does nothing, and remembers what it was shown."""

    observation_horizon, action_horizon = 2, 4

    def __call__(self, observations, generator=None):
        self.shown = observations
        return torch.zeros(len(observations), 4, 2)


@pytest.mark.parametrize(
    ("knob", "value", "sampler"),
    [
        (Stride(), 4, {"stride": 4, "num_steps": None}),
        (Temperature(), 2.5, {"temperature": 2.5}),
        (InitialTemperature(), 3.0, {"initial_temperature": 3.0}),
        (Guidance(), 0.5, {"guidance": 0.5}),
        (DenoisingTruncation(), 2, {"truncation": 2}),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_a_knob_of_the_sampler_changes_that_alone(knob, value, sampler):
    own = Sampler(num_steps=10, temperature=0.5)
    assert isinstance(knob, SamplerKnob)
    assert knob.sampler(own, value) == replace(own, **sampler)
    learner = tiny_policy(sampler=own, condition_dropout=0.1).eval()
    degraded = act(knob.at(learner, value), seen())
    learner.sample_by(replace(own, **sampler))
    with torch.no_grad():
        expected = act(learner, seen())
    assert torch.equal(degraded, expected)


def test_the_policy_stays_what_it_was():
    learner = tiny_policy(sampler=Sampler(num_steps=5)).eval()
    worse = Temperature().at(learner, 4.0)
    act(worse, seen())
    assert learner.sampler == Sampler(num_steps=5)


def test_noise_has_the_size_and_the_memory_asked_for():
    for correlation in (0.0, 0.8):
        knob = ActionNoise(correlation=correlation)
        noisy = knob.around(
            Still(), 0.5, torch.tensor([2.0, 0.1]), torch.Generator().manual_seed(0)
        )
        fields = seen(4000)
        path = torch.cat([act(noisy, fields) for _ in range(3)], dim=1)  # [B, 12, 2]
        torch.testing.assert_close(path.std((0, 1)), torch.tensor([1.0, 0.05]), rtol=0.03, atol=0.0)
        # From one step to the next alike, within a chunk and from chunk to chunk.
        for t in range(11):
            now, then = path[:, t, 0], path[:, t + 1, 0]
            measured = float(torch.corrcoef(torch.stack([now, then]))[0, 1])
            assert measured == pytest.approx(correlation, abs=0.06), t
        assert abs(float(torch.corrcoef(path[:, 0].T)[0, 1])) < 0.06


def test_so_many_decisions_are_random_as_asked():
    knob, scale = EpsilonRandom(), torch.tensor([2.0, 0.1])
    chunk = act(knob.around(Still(), 0.3, scale, torch.Generator().manual_seed(0)), seen(4000))
    random = (chunk != 0).any(-1).any(-1)
    assert float(random.float().mean()) == pytest.approx(0.3, abs=0.03)
    assert (chunk.abs() <= scale).all()
    assert chunk[random].abs().amax((0, 1)) == pytest.approx(scale, rel=0.02)


def test_a_wrong_hypothesis_is_held_for_an_episode(monkeypatch):
    shifts = []
    monkeypatch.setattr(
        "lightning_modules.skill.controls.displaced",
        lambda fields, by: shifts.append(by) or fields,
    )
    mistaken = WrongHypothesis().around(
        Still(), 0.04, torch.ones(2), torch.Generator().manual_seed(0)
    )
    for fields in (seen(50), seen(50), seen(50, first=50)):
        act(mistaken, fields)
    assert torch.equal(shifts[0], shifts[1])
    assert not torch.isclose(shifts[0], shifts[2]).all(-1).any()
    torch.testing.assert_close(shifts[0].norm(dim=-1), torch.full((50,), 0.04))
    assert (shifts[0][:, 2] == 0).all()
    assert shifts[0][:, 0].min() < 0 < shifts[0][:, 0].max()


def test_an_arm_that_stops_early_holds_its_last_command():
    still = Still()
    stopping = EpisodeTruncation().around(still, 2, torch.ones(2), torch.Generator())
    fields = seen(3)
    fields["last_command"] = torch.full((3, 2, 2), 0.7)
    chunks = [act(stopping, part) for part in (fields, fields[:1], fields)]
    assert (chunks[0] == 0).all()
    assert (chunks[1] == 0).all()
    assert (chunks[2][0] == 0.7).all()  # it has decided twice before
    assert (chunks[2][1:] == 0).all()  # the others once


@pytest.mark.parametrize(
    ("knob", "value", "sentence"),
    [
        (Stride(), 1.5, "stride is at 1.5, it takes a whole number from 1 to 20"),
        (Temperature(), -1.0, "temperature is at -1, it takes a number from 0 to 4"),
        (Temperature(), float("nan"), "temperature is at nan"),
        (Guidance(), 0.5, "guidance is 0.5, but the policy was trained with condition_dropout 0"),
    ],
    ids=lambda x: str(x),
)
def test_values_that_make_no_sense_are_refused(knob, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        knob.at(tiny_policy(), value)


def test_earlier_checkpoints_are_counted_from_the_last(tmp_path):
    with pytest.raises(ValueError, match="needs the paths"):
        EarlierCheckpoint()
    with pytest.raises(ValueError, match="at 2, there are 2 checkpoints"):
        EarlierCheckpoint(("first.ckpt", "last.ckpt")).at(tiny_policy(), 2)
    with pytest.raises(FileNotFoundError, match=r"first\.ckpt"):
        EarlierCheckpoint(("first.ckpt", "last.ckpt")).at(tiny_policy(), 1)
