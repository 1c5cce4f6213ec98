"""What probes read: anything that is there, nothing that is not, and of actions what they add."""

import pytest
import torch
from tensordict import TensorDict

from callbacks.lifetimes.probe import LEAK, explained, leak


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [100, 2000])
def test_noise_explains_nothing_however_many_inputs_there_are(n):
    assert explained(drawn(n, 200), drawn(n, 2, seed=1)) < LEAK


def test_what_is_linear_is_read_to_its_share_though_inputs_are_many():
    """A network alone would learn them by heart: it has more weights than there are rows."""
    inputs, noise = drawn(1000, 200), drawn(1000, 1, seed=1)
    target = inputs[:, :4].sum(1, keepdim=True) + 2 * noise  # half of the variance each
    assert explained(inputs, target) == pytest.approx(0.4, abs=0.12)


def test_what_is_not_linear_is_read_too():
    inputs = drawn(2000, 4)
    assert explained(inputs, (inputs[:, :1] * 2).abs()) > 0.5


def lifetimes(seen, done):
    """Three decisions of two steps: what was seen, then what was done, the same at each."""
    n = len(seen)
    return TensorDict(
        {
            "observation": seen[:, None, None, None, :].expand(n, 1, 3, 1, -1),
            "action": done[:, None, None, :].expand(n, 1, 6, -1),
            "last_command": torch.zeros(n, 1, 3, done.shape[1]),
            "success": torch.zeros(n, 1, dtype=torch.bool),
        },
        [n],
    )


def test_what_everybody_sees_is_not_given_away_by_actions():
    phi, noise = drawn(1000, 2), drawn(1000, 2, seed=1)
    assert leak(lifetimes(seen=phi, done=noise), phi) < LEAK
    assert leak(lifetimes(seen=noise, done=phi), phi) > 0.8
    assert leak(lifetimes(seen=noise, done=noise), phi) < LEAK


def test_where_actions_have_led_does_not_hide_that_they_gave_phi_away():
    """What is seen at the second decision is where the first one's actions went."""
    phi, noise = drawn(1000, 2), drawn(1000, 2, seed=1)
    made = lifetimes(seen=noise, done=phi)
    made["observation"] = made["observation"].clone()
    made["observation"][:, 0, 1:, 0] = phi[:, None]
    assert leak(made, phi) > 0.8


def test_too_few_lifetimes_are_refused():
    with pytest.raises(ValueError, match="63 lifetimes are too few for a probe: it takes 64"):
        leak(lifetimes(drawn(63, 2), drawn(63, 2)), drawn(63, 2))
