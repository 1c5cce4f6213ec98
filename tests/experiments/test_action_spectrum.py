"""How jerky actions are, on signals whose spectrum is known."""

import math

import pytest
import torch

from experiments.action_spectrum import high_frequency_share, spectrum

SCALE = torch.tensor([1.0, 10.0])
LENGTH = torch.full((8,), 60)


def share(actions, length=LENGTH):
    return high_frequency_share(spectrum(actions, length, SCALE))


def wave(cycles, window=16):
    """Actions that change as a sine of so many cycles a window."""
    t = torch.arange(60)
    one = torch.sin(2 * math.pi * cycles * t / window).cumsum(0)
    return (one[None, :, None] * SCALE).expand(8, -1, -1)


def test_a_slow_wave_has_no_fast_part_and_a_fast_one_nothing_else():
    assert share(wave(2)) < 1e-6
    assert share(wave(7)) > 1 - 1e-6
    power = spectrum(wave(3), LENGTH, SCALE)
    assert int(power.argmax()) == 2  # frequencies start at 1
    assert power[2] / power.sum() > 0.999


def test_changes_that_are_white_noise_have_their_power_everywhere():
    drawn = torch.randn(500, 60, 2, generator=torch.Generator().manual_seed(0)) * SCALE
    length = torch.full((500,), 60)
    assert share(drawn.cumsum(1), length) == pytest.approx(0.5, abs=0.02)
    # Noise on the actions themselves changes most from one to the next.
    assert share(drawn, length) > share(drawn.cumsum(1), length) + 0.1


def test_what_comes_after_an_episodes_end_does_not_count():
    actions = wave(2).clone()
    actions[:, 40:] = torch.randn(8, 20, 2, generator=torch.Generator().manual_seed(0))
    assert share(actions, torch.full((8,), 40)) < 1e-6
    with pytest.raises(ValueError, match="no episode has more than 16 actions"):
        spectrum(actions, torch.full((8,), 12), SCALE)
