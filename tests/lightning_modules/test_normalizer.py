from dataclasses import replace

import pytest
import torch
from tensordict import TensorDict
from toy_task import SPEC, observations

from lightning_modules.normalizer import Normalizer
from robot.schema import Range, TaskSpec


def test_actions_survive_the_round_trip():
    low, high = torch.tensor(SPEC.action.low), torch.tensor(SPEC.action.high)
    actions = low + (high - low) * torch.rand(100, 4, 2)
    normalizer = Normalizer(SPEC)
    normalized = normalizer.action(actions)
    assert normalized.abs().max() <= 1
    torch.testing.assert_close(normalizer.real_action(normalized), actions)


def test_the_ends_of_the_tasks_range_are_plus_and_minus_one():
    normalizer = Normalizer(SPEC)
    torch.testing.assert_close(normalizer.action(torch.tensor(SPEC.action.low)), -torch.ones(2))
    flat = SPEC.flatten(observations(3, target=2.0))
    torch.testing.assert_close(normalizer.observation(flat)[..., 0], torch.ones(3, 2))


def test_a_command_beyond_the_range_is_clamped_and_an_observation_is_not():
    normalizer = Normalizer(SPEC)
    assert normalizer.action(torch.tensor([9.0, 1.0])).tolist() == [1.0, 1.0]
    assert normalizer.observation(torch.tensor([6.0, 0.5, 0.5]))[0] == 3.0


def test_the_ranges_are_in_the_state():
    state = Normalizer(SPEC).state_dict()
    assert set(state) == {
        "observation_center",
        "observation_half_range",
        "action_center",
        "action_half_range",
    }


def test_chunks_relative_to_the_last_command_survive_the_round_trip():
    fields = {**SPEC.observation, "last_command": SPEC.action}
    change = Range((-1.0, -0.1), (1.0, 0.1))
    spec = replace(SPEC, observation=fields, action_change=change)
    assert TaskSpec.from_dict(spec.to_dict()) == spec
    normalizer = Normalizer(spec)
    last = torch.rand(5, 2, 2)
    origin = normalizer.origin(TensorDict({"last_command": last}, [5, 2]))
    assert torch.equal(origin, last[:, -1:])
    actions = origin + 0.1 * (2 * torch.rand(5, 4, 2) - 1)
    normalized = normalizer.action(actions, origin)
    assert normalized.abs().max() <= 1
    torch.testing.assert_close(normalizer.real_action(normalized, origin), actions)
    torch.testing.assert_close(normalizer.real_action(torch.zeros(5, 4, 2), origin)[:, :1], origin)


def test_absolute_chunks_have_no_origin():
    assert Normalizer(SPEC).origin(observations(3)).tolist() == [[[0.0, 0.0]]]


def test_relative_chunks_need_the_last_command():
    with pytest.raises(ValueError, match="last command of 0 dimensions, its action has 2"):
        replace(SPEC, action_change=Range.repeat(-1.0, 1.0, 2))


def test_policies_read_only_the_fields_named_and_windows_still_hold_where_chunks_start():
    fields = {**SPEC.observation, "last_command": SPEC.action}
    names = tuple(reversed(SPEC.observation))[:1]
    change = Range((-1.0, -0.1), (1.0, 0.1))
    spec = replace(SPEC, observation=fields, action_change=change, reads=names)
    assert spec.observation_dim == len(fields[names[0]])
    assert spec.needed_fields == (*names, "last_command")
    assert TaskSpec.from_dict(spec.to_dict()) == spec
    seen = observations(3)
    assert torch.equal(spec.flatten(seen), seen[names[0]].flatten(2).float())
    with pytest.raises(ValueError, match=r"of task .* cannot read 'smell'; there are "):
        replace(SPEC, reads=("smell",))
