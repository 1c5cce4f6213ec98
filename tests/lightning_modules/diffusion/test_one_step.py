"""One step of a student ends where several of its teacher do."""

import pytest
import torch

from lightning_modules import Schedule
from lightning_modules.diffusion import filled
from lightning_modules.diffusion.one_step import one_step


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
@pytest.mark.parametrize(("k", "j"), [(20, 0), (20, 10), (7, 3)])
def test_the_step_that_is_asked_for_ends_where_it_should(prediction, k, j):
    schedule = Schedule(num_denoising_steps=20, prediction=prediction)
    generator = torch.Generator().manual_seed(0)
    x_0 = 0.8 * torch.rand(6, 4, 2, generator=generator) - 0.4  # within what is not clipped
    epsilon = torch.randn(6, 4, 2, generator=generator)
    x_k = schedule.add_noise(x_0, epsilon, filled(k, x_0))
    x_j = schedule.add_noise(x_0 + 0.1, epsilon, filled(j, x_0))  # anywhere near by
    clean, noise = one_step(schedule, x_k, x_j, filled(k, x_k), filled(j, x_k))
    output = schedule.target(clean, noise, filled(k, x_k))
    reached, _ = schedule.transition(output, x_k, filled(k, x_k), filled(j, x_k), eta=0.0)
    torch.testing.assert_close(reached, x_j, rtol=1e-3, atol=2e-3)
