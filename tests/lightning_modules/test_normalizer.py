import torch
from toy_task import SPEC, observations

from lightning_modules.normalizer import Normalizer


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
