import math
from itertools import pairwise

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from lightning_modules.diffusion import Sampler, Schedule, draw_noise, log_prob, sample_chain

SCHEDULE = Schedule(20)


def explored(sampler, denoise, size, seed=0, chunk=(3, 2)):
    noise = draw_noise(sampler, SCHEDULE, (size, *chunk), torch.Generator().manual_seed(seed))
    return sample_chain(denoise, SCHEDULE, sampler, noise)


def density(sampler, denoise, chain):
    """Log-density of every step of a chain, ``[N, B, Tp, A]``."""
    steps = sampler.steps(SCHEDULE)
    out = []
    for i, (k, j) in enumerate(pairwise(steps)):
        k, j = (torch.full((chain.shape[1],), s) for s in (k, j))
        output = denoise(chain[i], k)
        out.append(log_prob(output, SCHEDULE, sampler, chain[i], chain[i + 1], k, j))
    return torch.stack(out)


@pytest.mark.parametrize("num_steps", [5, 10, 20])
def test_the_density_of_a_step_is_that_of_diffusers_with_a_floor_on_its_deviation(num_steps):
    sampler = Sampler(num_steps=num_steps, eta=1.0, exploration=0.05)
    weights = 0.3 * torch.randn(2, 2, generator=torch.Generator().manual_seed(1))
    chain = explored(sampler, lambda x, k: x @ weights, size=4)
    ours = density(sampler, lambda x, k: x @ weights, chain).sum((2, 3))
    scheduler = DDIMScheduler(20, beta_schedule="squaredcos_cap_v2", clip_sample=True)
    alpha = scheduler.alphas_cumprod.double()
    for i, (k, j) in enumerate(pairwise(sampler.steps(SCHEDULE))):
        scheduler.num_inference_steps = 20 // (k - j)  # its way to say how far a step goes
        zero = torch.zeros_like(chain[i])
        mean = scheduler.step(chain[i] @ weights, k - 1, chain[i], eta=1.0, variance_noise=zero)[0]
        alpha_j = alpha[j - 1] if j else torch.tensor(1.0)
        variance = (1 - alpha_j) / (1 - alpha[k - 1]) * (1 - alpha[k - 1] / alpha_j)
        std = max(0.05, math.sqrt(variance))
        z = (chain[i + 1] - mean) / std
        expected = (-0.5 * z**2 - math.log(std * math.sqrt(2 * math.pi))).sum((1, 2))
        torch.testing.assert_close(ours[i], expected, rtol=1e-3, atol=1e-3)


def test_the_policy_gradient_is_the_derivative_of_the_expected_reward():
    """REINFORCE on the chain against finite differences under common random numbers."""
    sampler = Sampler(num_steps=4, exploration=0.2)

    def reward(chain):
        return torch.exp(-4 * (chain[-1] - 0.3).square().sum((1, 2)))

    def denoiser(theta):
        return lambda x, k: theta[0] * x + theta[1] + theta[2] * (k / 20)[:, None, None]

    theta = torch.tensor([0.7, -0.1, 0.2], dtype=torch.float64)
    size, chunk = 400_000, (1, 1)
    leaf = theta.clone().requires_grad_()
    with torch.no_grad():
        chain = explored(sampler, denoiser(theta), size, chunk=chunk)
        won = reward(chain)
    log_density = density(sampler, denoiser(leaf), chain).sum((0, 2, 3))
    (gradient,) = torch.autograd.grad(((won - won.mean()) * log_density).mean(), leaf)
    for i in range(3):
        step = 1e-3 * torch.eye(3, dtype=torch.float64)[i]
        up, down = (
            reward(explored(sampler, denoiser(theta + sign * step), size, chunk=chunk)).mean()
            for sign in (1, -1)
        )
        assert gradient[i] == pytest.approx(float(up - down) / 2e-3, abs=0.03)
        assert abs(gradient[i]) > 0.15  # so that the tolerance says something


def test_exploration_only_raises_deviations_and_reaches_the_last_step():
    def still(x, k):
        return torch.zeros_like(x)

    calm, lively = (Sampler(num_steps=10, exploration=e) for e in (1e-9, 0.5))
    ends = [explored(s, still, size=4000)[-1] for s in (calm, lively)]
    assert ends[1].std() > ends[0].std() > 0
    last = explored(lively, still, size=4000)
    assert (last[-1] - last[-2].clamp(-1, 1)).std() == pytest.approx(0.5, rel=0.1)


def test_a_step_without_a_density_has_none():
    x, k = torch.zeros(2, 3, 2), torch.tensor([1, 2])
    for sampler in (Sampler(), Sampler("dpm_solver")):
        with pytest.raises(ValueError, match="only under ddim or ddpm with exploration above 0"):
            log_prob(x, SCHEDULE, sampler, x, x, k, k - 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"exploration": -0.1}, "exploration is -0.1, it must not be negative"),
        ({"kind": "dpm_solver", "exploration": 0.1}, "dpm_solver does not explore; ddim and ddpm"),
    ],
)
def test_exploration_that_makes_no_sense_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Sampler(**arguments)
