from itertools import pairwise

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch.distributions import MultivariateNormal

from lightning_modules.diffusion import (
    Exploration,
    Sampler,
    Schedule,
    draw_noise,
    log_prob,
    sample_chain,
)

SCHEDULE = Schedule(20)


def explored(sampler, exploration, denoise, size, seed=0, chunk=(3, 2)):
    generator = torch.Generator().manual_seed(seed)
    noise = draw_noise(sampler, SCHEDULE, (size, *chunk), generator, exploring=True)
    return sample_chain(denoise, SCHEDULE, sampler, noise, exploration)


def density(sampler, exploration, denoise, chain, horizon=None):
    """Log-density of every mode of every step of a chain, ``[N, B, T, A]``."""
    steps = sampler.steps(SCHEDULE)
    out = []
    for i, (k, j) in enumerate(pairwise(steps)):
        output = denoise(chain[i], k)
        k, j = (torch.full((chain.shape[1],), s) for s in (k, j))
        args = (output, SCHEDULE, sampler, exploration, chain[i], chain[i + 1], k, j)
        out.append(log_prob(*args, horizon=horizon))
    return torch.stack(out)


@pytest.mark.parametrize("horizon", [4, 3])
@pytest.mark.parametrize("coherence", [0.0, 0.9])
@pytest.mark.parametrize("num_steps", [5, 10, 20])
def test_the_density_is_diffusers_mean_under_the_covariance_of_the_docs(
    num_steps, coherence, horizon
):
    sampler, exploration = Sampler(num_steps=num_steps, eta=1.0), Exploration(0.05, coherence, 2.0)
    weights = 0.3 * torch.randn(2, 2, generator=torch.Generator().manual_seed(1))
    chain = explored(sampler, exploration, lambda x, k: x @ weights, size=4, chunk=(4, 2))
    ours = density(sampler, exploration, lambda x, k: x @ weights, chain, horizon).sum((2, 3))
    t = torch.arange(horizon, dtype=torch.float64)
    kernel = torch.exp(-((t[:, None] - t) ** 2) / 8)
    scheduler = DDIMScheduler(20, beta_schedule="squaredcos_cap_v2", clip_sample=True)
    alpha = scheduler.alphas_cumprod.double()
    for i, (k, j) in enumerate(pairwise(sampler.steps(SCHEDULE))):
        scheduler.num_inference_steps = 20 // (k - j)  # its way to say how far a step goes
        zero = torch.zeros_like(chain[i])
        mean = scheduler.step(chain[i] @ weights, k - 1, chain[i], eta=1.0, variance_noise=zero)[0]
        alpha_j = alpha[j - 1] if j else torch.tensor(1.0)
        variance = (1 - alpha_j) / (1 - alpha[k - 1]) * (1 - alpha[k - 1] / alpha_j)
        white = max((1 - coherence) * 0.05**2, float(variance))
        covariance = white * torch.eye(horizon) + coherence * 0.05**2 * kernel
        away = (chain[i + 1] - mean)[:, :horizon].transpose(1, 2).double()
        expected = MultivariateNormal(torch.zeros(horizon).double(), covariance).log_prob(away)
        expected = expected.sum(1).float()
        torch.testing.assert_close(ours[i], expected, rtol=1e-3, atol=1e-3)


def test_the_policy_gradient_is_the_derivative_of_the_expected_reward():
    """REINFORCE on the chain against finite differences under common random numbers."""
    sampler, exploration = Sampler(num_steps=4), Exploration(0.2, 0.5)

    def reward(chain):
        return torch.exp(-4 * (chain[-1] - 0.3).square().sum((1, 2)))

    def denoiser(theta):
        return lambda x, k: theta[0] * x + theta[1] + theta[2] * k / 20

    theta = torch.tensor([0.7, -0.1, 0.2], dtype=torch.float64)
    size, chunk = 400_000, (1, 1)
    leaf = theta.clone().requires_grad_()
    with torch.no_grad():
        chain = explored(sampler, exploration, denoiser(theta), size, chunk=chunk)
        won = reward(chain)
    log_density = density(sampler, exploration, denoiser(leaf), chain).sum((0, 2, 3))
    (gradient,) = torch.autograd.grad(((won - won.mean()) * log_density).mean(), leaf)
    for i in range(3):
        step = 1e-3 * torch.eye(3, dtype=torch.float64)[i]
        up, down = (
            reward(
                explored(sampler, exploration, denoiser(theta + sign * step), size, chunk=chunk)
            ).mean()
            for sign in (1, -1)
        )
        assert gradient[i] == pytest.approx(float(up - down) / 2e-3, abs=0.03)
        assert abs(gradient[i]) > 0.15  # so that the tolerance says something


def test_exploration_only_raises_deviations_and_reaches_the_last_step():
    def still(x, k):
        return torch.zeros_like(x)

    sampler = Sampler(num_steps=10)
    calm, lively = (
        explored(sampler, Exploration(std, 0.0), still, size=4000) for std in (1e-9, 0.5)
    )
    assert lively[-1].std() > calm[-1].std() > 0
    assert (lively[-1] - lively[-2].clamp(-1, 1)).std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("coherence", [0.0, 0.5, 0.9])
def test_what_is_explored_has_the_covariance_of_the_docs(coherence):
    """The last step is drawn around x_0 = 0 and has no deviation of its own."""

    def clean(x, k):
        return x / SCHEDULE.signal_and_noise(x, k)[1]  # epsilon that leaves x_0 = 0

    exploration = Exploration(0.3, coherence, 2.0)
    x_0 = explored(Sampler(num_steps=5), exploration, clean, size=100_000, chunk=(5, 1))[
        -1, :, :, 0
    ]
    t = torch.arange(5)
    kernel = torch.exp(-((t[:, None] - t) ** 2) / 8.0)
    expected = 0.09 * ((1 - coherence) * torch.eye(5) + coherence * kernel)
    torch.testing.assert_close(torch.cov(x_0.T), expected, atol=2e-3, rtol=0)


def test_the_solver_has_no_density():
    x, k, sampler = torch.zeros(2, 3, 2), torch.tensor([1, 2]), Sampler("dpm_solver")
    with pytest.raises(ValueError, match="the steps of dpm_solver have no density"):
        log_prob(x, SCHEDULE, sampler, Exploration(), x, x, k, k - 1)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"std": 0.0}, "exploration's std is 0.0, it must be above 0"),
        ({"coherence": 1.0}, r"exploration's coherence is 1.0, it must be in \[0, 1\)"),
        ({"smoothness": -1.0}, "exploration's smoothness is -1.0, it must be above 0"),
        ({"final_std": 0.0}, "exploration's final_std is 0.0, it must be above 0"),
        ({"iterations": 0}, "exploration's iterations is 0, it must be above 0"),
    ],
)
def test_exploration_that_makes_no_sense_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Exploration(**arguments)


def test_noise_falls_evenly_and_then_stays():
    exploration = Exploration(0.04, final_std=0.02, iterations=10)
    stds = [exploration.at(i).std for i in (0, 5, 10, 50)]
    assert stds == pytest.approx([0.04, 0.03, 0.02, 0.02])
    assert Exploration(0.04).at(50).std == 0.04
