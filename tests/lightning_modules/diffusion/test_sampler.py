from itertools import pairwise

import pytest
import torch
from torch import nn

from lightning_modules.diffusion import Sampler, Schedule, draw_noise, sample_chain

SHAPE = (3, 12, 7)
SAMPLERS = [
    Sampler("ddim"),
    Sampler("ddim", num_steps=10, eta=0.0),
    Sampler("ddim", stride=3, temperature=2.0),
    Sampler("ddpm", num_steps=7),
    Sampler("dpm_solver", num_steps=10),
    Sampler("dpm_solver", stride=4, eta=0.0),
]
SCHEDULES = [Schedule(20, "epsilon"), Schedule(20, "v")]


def denoiser(seed=0):
    """Some smooth function of x and k, with weights of its own."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(7, 16), nn.Tanh(), nn.Linear(16, 7)).requires_grad_(False)
    return lambda x, k: net(x) + k / 20


def sample(*arguments):
    return sample_chain(*arguments)[-1]


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_the_same_seed_gives_the_same_sample_and_another_seed_another(sampler, schedule):
    first, again, other = (
        sample(denoiser(), schedule, sampler, draw_noise(sampler, schedule, SHAPE, seeded(s)))
        for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_sample_of_a_batch_equals_the_same_sample_alone(sampler, schedule):
    generators = [seeded(10 + i) for i in range(3)]
    batch = sample(denoiser(), schedule, sampler, draw_noise(sampler, schedule, SHAPE, generators))
    for i in range(3):
        noise = draw_noise(sampler, schedule, (1, *SHAPE[1:]), seeded(10 + i))
        alone = sample(denoiser(), schedule, sampler, noise)
        torch.testing.assert_close(batch[i : i + 1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_the_chain_runs_from_scaled_noise_to_the_sample(sampler):
    schedule = SCHEDULES[0]
    noise = draw_noise(sampler, schedule, SHAPE, seeded(0))
    chain = sample_chain(denoiser(), schedule, sampler, noise)
    assert chain.shape == (len(sampler.steps(schedule)), *SHAPE)
    assert torch.equal(chain[0], sampler.temperature * noise[0])
    assert chain[-1].abs().max() <= schedule.clip + 1e-5


def test_the_initial_noise_can_have_a_temperature_of_its_own():
    schedule, sampler = SCHEDULES[0], Sampler(temperature=0.5, initial_temperature=2.0)
    noise = draw_noise(sampler, schedule, SHAPE, seeded(0))
    chain = sample_chain(denoiser(), schedule, sampler, noise)
    assert torch.equal(chain[0], 2.0 * noise[0])
    # What is injected later keeps the temperature: with an equal start both end alike.
    noise[0] *= 4.0
    usual = sample_chain(denoiser(), schedule, Sampler(temperature=0.5), noise)
    torch.testing.assert_close(usual, chain)


@pytest.mark.parametrize("kind", ["ddim", "ddpm", "dpm_solver"])
def test_a_truncated_chain_is_the_beginning_of_the_whole_one(kind):
    schedule, whole = SCHEDULES[0], Sampler(kind, num_steps=8)
    noise = draw_noise(whole, schedule, SHAPE, seeded(0))
    chain = sample_chain(denoiser(), schedule, whole, noise)
    for truncation in (1, 5, 7):
        cut = Sampler(kind, num_steps=8, truncation=truncation)
        begun = sample_chain(denoiser(), schedule, cut, noise[: cut.num_noises(schedule)])
        torch.testing.assert_close(begun, chain[:-truncation])
    with pytest.raises(ValueError, match="truncation is 8, it must be less than the 8"):
        Sampler(kind, num_steps=8, truncation=8).steps(schedule)


@pytest.mark.parametrize("kind", ["ddim", "ddpm", "dpm_solver"])
def test_at_temperature_zero_all_samples_are_one(kind):
    sampler = Sampler(kind, num_steps=10, temperature=0.0)
    noise = draw_noise(sampler, SCHEDULES[0], (16, 12, 7), seeded(0))
    chunks = sample(denoiser(), SCHEDULES[0], sampler, noise)
    torch.testing.assert_close(chunks, chunks[:1].expand_as(chunks))


def test_ddpm_is_ddim_with_eta_one_where_nothing_is_clipped():
    schedule = Schedule(20, "v", clip=1e6)
    noise = draw_noise(Sampler(), schedule, SHAPE, seeded(0))
    ddim, ddpm = (sample(denoiser(), schedule, Sampler(kind), noise) for kind in ("ddim", "ddpm"))
    torch.testing.assert_close(ddim, ddpm, rtol=1e-3, atol=1e-3)


def perfect(schedule, mean, variance):
    """The exact v-denoiser of chunks whose numbers are N(mean, variance)."""

    def denoise(x, k):
        signal, noise = schedule.signal_and_noise(x, k)
        total = signal**2 * variance + noise**2
        x_0 = mean + signal * variance / total * (x - signal * mean)
        epsilon = noise / total * (x - signal * mean)
        return signal * epsilon - noise * x_0

    return denoise


@pytest.mark.parametrize(
    "sampler",
    [
        Sampler("ddim", eta=1.0),
        Sampler("ddim", eta=0.0),
        Sampler("ddpm"),
        Sampler("dpm_solver", eta=0.0),
        Sampler("dpm_solver", eta=1.0),
    ],
    ids=str,
)
def test_a_perfect_denoiser_recovers_the_distribution(sampler):
    schedule = Schedule(100, "v", clip=10.0)
    noise = draw_noise(sampler, schedule, (2000, 4, 1), seeded(0))
    chunks = sample(perfect(schedule, 0.3, 0.04), schedule, sampler, noise)
    assert chunks.mean() == pytest.approx(0.3, abs=0.01)
    assert chunks.std() == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("total", [1, 5, 20, 100])
def test_steps_fall_from_noise_to_clean(total):
    schedule = Schedule(total)
    for n in range(1, total + 1):
        for sampler in (Sampler(num_steps=n), Sampler(stride=n)):
            steps = sampler.steps(schedule)
            assert steps[0] == total
            assert steps[-1] == 0
            assert all(k > j for k, j in pairwise(steps))
        assert len(Sampler(num_steps=n).steps(schedule)) == n + 1


def test_stride_skips_that_many_steps():
    assert Sampler(stride=7).steps(Schedule(20)) == (20, 13, 6, 0)
    assert Sampler().steps(Schedule(3)) == (3, 2, 1, 0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"kind": "euler"}, "no sampler 'euler'; there are ddim, ddpm, dpm_solver"),
        ({"num_steps": 5, "stride": 2}, "give one of them"),
        ({"num_steps": 0}, "num_steps is 0"),
        ({"stride": 0}, "stride is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"initial_temperature": -1.0}, "initial_temperature is -1.0"),
        ({"guidance": -0.5}, "guidance is -0.5, it must not be negative"),
        ({"eta": 1.5}, "within 0 and 1"),
        ({"kind": "ddpm", "eta": 0.0}, "ddpm has eta 1"),
        ({"kind": "dpm_solver", "eta": 0.5}, r"0 \(ODE\) or 1 \(SDE\)"),
    ],
)
def test_a_bad_sampler_is_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Sampler(**arguments)


def test_more_steps_than_the_schedule_has_are_refused():
    with pytest.raises(ValueError, match="num_steps 21 exceeds the 20"):
        Sampler(num_steps=21).steps(Schedule(20))


def test_noise_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="2 generators for a batch of 3"):
        draw_noise(Sampler(), Schedule(), SHAPE, [seeded(0), seeded(1)])
    with pytest.raises(ValueError, match="3 draws of noise, the sampler takes 20"):
        sample(denoiser(), Schedule(), Sampler(), torch.zeros(3, *SHAPE))
