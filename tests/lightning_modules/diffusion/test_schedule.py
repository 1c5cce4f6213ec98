import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from lightning_modules.diffusion import Schedule

K = 20
PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction"}


def scheduler(cls, prediction, num_steps=K):
    made = cls(
        K,
        beta_schedule="squaredcos_cap_v2",
        prediction_type=PREDICTIONS[prediction],
        timestep_spacing="trailing",
    )
    made.set_timesteps(num_steps)
    return made


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    output, x_k, noise = torch.randn(3, 5, 12, 7, generator=generator)
    return output, x_k, noise


def steps(k, size=5):
    return torch.full((size,), k)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("stride", [1, 2, 4, 5])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_transition_equals_diffusers_step(prediction, stride, eta):
    reference = scheduler(DDIMScheduler, prediction, K // stride)
    output, x_k, noise = batch()
    for k in range(K, 0, -stride):
        expected = reference.step(output, k - 1, x_k, eta=eta, variance_noise=noise).prev_sample
        mean, std = Schedule(K, prediction).transition(
            output, x_k, steps(k), steps(k - stride), eta=eta
        )
        torch.testing.assert_close(mean + std * noise, expected, rtol=1e-4, atol=5e-5)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_ddpm_transition_equals_diffusers_step(prediction, stride):
    reference = scheduler(DDPMScheduler, prediction, K // stride)
    output, x_k, _ = batch()
    for k in range(K, 0, -stride):
        noise = torch.randn(x_k.shape, generator=torch.Generator().manual_seed(k))
        expected = reference.step(
            output, k - 1, x_k, generator=torch.Generator().manual_seed(k)
        ).prev_sample
        mean, std = Schedule(K, prediction).transition(
            output, x_k, steps(k), steps(k - stride), eta=1.0, consistent=True
        )
        torch.testing.assert_close(mean + std * noise, expected, rtol=1e-4, atol=5e-5)


def test_samples_of_one_batch_may_be_at_different_steps_and_strides():
    schedule, (output, x_k, _) = Schedule(K), batch()
    k, j = torch.tensor([20, 13, 7, 2, 1]), torch.tensor([15, 12, 0, 1, 0])
    mean, std = schedule.transition(output, x_k, k, j, eta=0.7)
    for i in range(5):
        one = slice(i, i + 1)
        alone = schedule.transition(output[one], x_k[one], k[one], j[one], eta=0.7)
        torch.testing.assert_close(mean[one], alone[0])
        torch.testing.assert_close(std[one], alone[1])


def test_the_step_to_the_clean_chunk_is_certain():
    schedule, (output, x_k, _) = Schedule(K), batch()
    mean, std = schedule.transition(output, x_k, steps(4), steps(0), eta=1.0)
    assert (std == 0).all()
    assert torch.equal(mean, schedule.clean_and_noise(output, x_k, steps(4))[0])


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_noising_and_target_equal_diffusers(prediction):
    reference, schedule = scheduler(DDPMScheduler, prediction), Schedule(K, prediction)
    x_0, epsilon, _ = batch()
    k = torch.tensor([1, 5, 10, 19, 20])
    torch.testing.assert_close(
        schedule.add_noise(x_0, epsilon, k), reference.add_noise(x_0, epsilon, k - 1)
    )
    expected = epsilon if prediction == "epsilon" else reference.get_velocity(x_0, epsilon, k - 1)
    torch.testing.assert_close(schedule.target(x_0, epsilon, k), expected)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_perfect_denoiser_gives_back_the_clean_chunk_and_its_noise(prediction):
    schedule = Schedule(K, prediction)
    x_0, epsilon, _ = batch()
    x_0 = x_0.clamp(-1, 1)
    k = torch.tensor([1, 5, 10, 15, 18])
    output, x_k = schedule.target(x_0, epsilon, k), schedule.add_noise(x_0, epsilon, k)
    found = schedule.clean_and_noise(output, x_k, k)
    torch.testing.assert_close(found, (x_0, epsilon), rtol=1e-3, atol=1e-4)


def test_a_schedule_first_used_without_gradients_still_trains():
    schedule = Schedule(7)
    with torch.inference_mode():
        schedule.alpha_bar()
    x = torch.ones(2, 3, 1, requires_grad=True)
    schedule.add_noise(x, torch.zeros(2, 3, 1), torch.tensor([3, 7])).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"num_denoising_steps": 0}, "at least 1"),
        ({"prediction": "sample"}, "no prediction 'sample'; there are epsilon, v"),
        ({"clip": 0.0}, "above 0"),
    ],
)
def test_a_bad_schedule_is_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Schedule(**arguments)
