from dataclasses import replace
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import EMAWeightAveraging
from tensordict import TensorDict
from toy_task import SPEC, ToyData, observations, tiny_policy, tiny_trainer

from lightning_modules import Horizons, MLPDenoiser, Sampler, Schedule, UNetDenoiser
from robot.schema import Range


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def chunks(policy, sampler, target=0.5, size=256):
    policy.sampler = sampler
    with torch.inference_mode():
        return policy(observations(size, target=target), seeded(0))


@pytest.mark.parametrize(
    "sampler", [Sampler("ddim"), Sampler("ddpm"), Sampler("dpm_solver", num_steps=10)], ids=str
)
@pytest.mark.parametrize("target", [-0.7, 0.5])
def test_both_modes_are_cloned_and_samples_land_on_them(cloned, sampler, target):
    offset = chunks(cloned, sampler, target)[..., 0] - target
    assert 0.2 < (offset < 0).float().mean() < 0.8
    assert (offset.abs() - 2).abs().median() < 0.15
    assert ((offset.abs() - 2).abs() < 0.4).float().mean() > 0.85


def test_a_hotter_sampler_misses_more_and_a_cold_one_knows_one_answer(cloned):
    cold, hot = (chunks(cloned, Sampler(temperature=t)) for t in (0.0, 3.0))
    assert cold[:, 0, 0].std() < 1e-4
    miss = ((hot[..., 0] - 0.5).abs() - 2).abs()
    assert miss.median() > 0.3


def test_a_coarse_stride_misses_more(cloned):
    offset = chunks(cloned, Sampler(stride=10))[..., 0] - 0.5
    assert (offset.abs() - 2).abs().median() > 0.25


def test_the_executed_part_is_the_head_of_the_chunk_the_chain_ends_in(cloned):
    cloned.sampler = Sampler(num_steps=5)
    with torch.inference_mode():
        chain = cloned.predict_chain(observations(3), seeded(1))
        executed = cloned(observations(3), seeded(1))
    assert chain.shape == (6, 3, 4, 2)
    assert torch.equal(executed, chain[-1, :, :2])


def test_a_decision_does_not_depend_on_its_batch(cloned):
    cloned.sampler = Sampler()
    seen = observations(3)
    with torch.inference_mode():
        batch = cloned(seen, [seeded(i) for i in range(3)])
        alone = [cloned(seen[i : i + 1], seeded(i)) for i in range(3)]
    torch.testing.assert_close(batch, torch.cat(alone), rtol=1e-4, atol=1e-4)


def test_observations_may_carry_one_batch_dimension_or_two(cloned):
    cloned.sampler = Sampler()
    seen = observations(3)
    one_dimension = TensorDict(dict(seen.items()), [3])
    assert torch.equal(cloned(seen, seeded(0)), cloned(one_dimension, seeded(0)))
    assert one_dimension.batch_size == (3,)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training_lowers_the_seeded_validation_loss(prediction, precision):
    seed_everything(0)
    policy = tiny_policy(schedule=Schedule(20, prediction), condition_dropout=0.1)
    trainer = tiny_trainer(max_steps=30, precision=precision)
    data = ToyData()
    before = trainer.validate(policy, data, verbose=False)[0]["validation/loss"]
    assert trainer.validate(policy, data, verbose=False)[0]["validation/loss"] == before
    trainer.fit(policy, datamodule=data)
    assert {"train/loss", "train/grad_norm", "validation/loss"} <= set(trainer.callback_metrics)
    assert trainer.validate(policy, data, verbose=False)[0]["validation/loss"] < before
    assert "test/loss" in trainer.test(policy, data, verbose=False)[0]
    predicted = trainer.predict(policy, data)[0]
    assert predicted.shape == (64, 4, 2)
    assert torch.equal(predicted, trainer.predict(policy, data)[0])


class StopAfter(Callback):
    """Saves a checkpoint at the end of an epoch, as a killed run leaves one behind."""

    def __init__(self, epoch, path):
        self.epoch, self.path = epoch, path

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            trainer.save_checkpoint(self.path)
            trainer.should_stop = True


def test_a_resumed_run_ends_in_the_weights_of_an_uninterrupted_one(tmp_path):
    def fit(*callbacks, path=None):
        seed_everything(3)
        policy = tiny_policy(condition_dropout=0.2)
        average = EMAWeightAveraging(decay=0.9, use_buffers=False)
        trainer = tiny_trainer(callbacks=[average, *callbacks], max_epochs=4)
        trainer.fit(policy, datamodule=ToyData(), ckpt_path=path)
        return policy.state_dict()

    path = tmp_path / "half.ckpt"
    whole = fit()
    fit(StopAfter(1, path))
    torch.rand(7)  # the resumed process has its own history of random numbers
    resumed = fit(path=path)
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_hidden_conditions_teach_the_unconditional_distribution_too():
    seed_everything(0)
    policy = tiny_policy(condition_dropout=0.5)
    seen = []
    policy.denoiser.register_forward_hook(lambda net, args, output: seen.append(args[2]))
    tiny_trainer(max_steps=8, limit_val_batches=0).fit(policy, datamodule=ToyData())
    hidden = torch.cat(seen).eq(0).all(dim=1).float().mean()
    assert 0.4 < hidden < 0.6


@pytest.fixture(scope="module")
def guidable():
    """Trained with and without conditions."""
    seed_everything(0)
    policy = tiny_policy(condition_dropout=0.2)
    tiny_trainer(max_epochs=60, limit_val_batches=0).fit(policy, datamodule=ToyData())
    return policy.eval()


def test_guidance_goes_from_ignoring_what_is_seen_to_exaggerating_it(guidable):
    def spread(guidance):
        """How far apart chunks for a target on the left and on the right are."""
        sampler = Sampler(guidance=guidance)
        left, right = (chunks(guidable, sampler, target).mean(0) for target in (-0.9, 0.9))
        return float((right - left)[..., 0].mean())

    ignoring, usual, exaggerating = map(spread, (0.0, 1.0, 2.0))
    assert abs(ignoring) < 0.1
    assert usual == pytest.approx(1.8, abs=0.6)
    assert exaggerating > usual + 0.2


def test_guidance_is_a_line_between_what_two_conditions_say(guidable):
    x, k = torch.randn(3, 4, 2), torch.full((3,), 5)
    condition = guidable.encode(observations(3))
    with torch.inference_mode():
        seen = guidable.denoiser(x, k, condition)
        unseen = guidable.denoiser(x, k, torch.zeros_like(condition))
        for guidance in (0.0, 0.5, 1.0, 3.0):
            guidable.sample_by(Sampler(guidance=guidance))
            expected = torch.lerp(unseen, seen, guidance)
            torch.testing.assert_close(guidable.denoise(x, 5, condition), expected)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sampler": Sampler(guidance=2.0)}, "guidance is 2.0, but .* condition_dropout 0"),
        ({"condition_dropout": 1.0}, "condition_dropout is 1.0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"warmup_steps": -1}, "warmup_steps is -1"),
        ({"sampler": Sampler(num_steps=30)}, "num_steps 30 exceeds the 20"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        tiny_policy(**arguments)


def test_batches_of_other_horizons_are_refused():
    policy = tiny_policy()
    with pytest.raises(ValueError, match=r"got 3 observations a decision.*horizon is 2"):
        policy(observations(1, to=3))
    trainer = tiny_trainer(max_steps=1)
    with pytest.raises(ValueError, match=r"chunks of shape \(6, 2\), the policy predicts \(4, 2\)"):
        trainer.fit(policy, datamodule=ToyData(tp=6))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"horizons": Horizons(2, 6, 2)}, "prediction horizon is 4, the current one is 6"),
        ({"horizons": Horizons(1, 4, 2)}, "observation horizon is 2, the current one is 1"),
        (
            {"denoiser": UNetDenoiser},
            "denoiser class_path is .*MLPDenoiser, the current one is .*UNet",
        ),
        (
            {"denoiser": partial(MLPDenoiser, width=96)},
            "denoiser width is 64, the current one is 96",
        ),
        ({"schedule": Schedule(50)}, "schedule num_denoising_steps is 20, the current one is 50"),
    ],
)
def test_a_checkpoint_of_another_policy_is_refused_in_a_sentence(tmp_path, arguments, sentence):
    path = tmp_path / "policy.ckpt"
    trainer = tiny_trainer()
    trainer.validate(tiny_policy(), ToyData(), verbose=False)
    trainer.save_checkpoint(path)
    other = tiny_policy(**arguments)
    data = ToyData(other.horizons.observation, other.horizons.prediction)
    with pytest.raises(ValueError, match=f"checkpoint does not fit: its .*{sentence}"):
        tiny_trainer().validate(other, data, ckpt_path=path, verbose=False)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rate": 20.0}, "policy rate is 10.0, the current one is 20.0"),
        ({"joints": ("a", "b")}, "action dimensions is .*waist.*'a'"),
        (
            {"observation": {"target": SPEC.observation["target"]}},
            "observation fields clock is 2, the current one is missing",
        ),
        ({"action": Range((-1.0, 0.0), (1.0, 0.1))}, "action range is .*4.0.*1.0"),
    ],
)
def test_a_checkpoint_of_another_task_is_refused_in_a_sentence(change, sentence):
    checkpoint = {}
    tiny_policy().on_save_checkpoint(checkpoint)
    policy = tiny_policy()
    policy.spec = replace(SPEC, **change)
    with pytest.raises(ValueError, match=sentence):
        policy.on_load_checkpoint(checkpoint)


def saved(policy):
    checkpoint = {"state_dict": policy.state_dict()}
    policy.on_save_checkpoint(checkpoint)
    return checkpoint


def test_what_only_steers_sampling_or_training_may_differ_from_the_checkpoint():
    other = tiny_policy(horizons=Horizons(2, 4, 3), sampler=Sampler(stride=5), learning_rate=1e-5)
    other.on_load_checkpoint(saved(tiny_policy()))


def test_a_run_is_not_resumed_under_a_learning_rate_that_would_not_count(tmp_path):
    path = tmp_path / "policy.ckpt"
    trainer = tiny_trainer(max_steps=1, limit_val_batches=0)
    trainer.fit(tiny_policy(), ToyData())
    trainer.save_checkpoint(path)
    other = tiny_trainer(max_steps=2, limit_val_batches=0)
    with pytest.raises(
        ValueError, match=r"keeps its learning_rate: its learning_rate is 0.001, the"
    ):
        other.fit(tiny_policy(learning_rate=1e-5), ToyData(), ckpt_path=path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda weights: weights.pop("denoiser.inlet.bias"), "lacks the weights 'denoiser.inlet"),
        (lambda weights: weights["denoiser.inlet.bias"].fill_(torch.nan), "bias' are not finite"),
        (
            lambda weights: weights.update({"denoiser.inlet.bias": torch.zeros(3)}),
            r"'denoiser.inlet.bias' have shape \(3,\), the policy's \(64,\)",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_a_sentence(spoil, sentence):
    checkpoint = saved(tiny_policy())
    checkpoint["state_dict"] = {k: v.clone() for k, v in checkpoint["state_dict"].items()}
    spoil(checkpoint["state_dict"])
    with pytest.raises(ValueError, match=sentence):
        tiny_policy().on_load_checkpoint(checkpoint)
    with pytest.raises(ValueError, match=sentence):
        type(tiny_policy()).rebuild(checkpoint)


def test_a_foreign_checkpoint_is_refused():
    with pytest.raises(ValueError, match="is no policy's"):
        tiny_policy().on_load_checkpoint({"state_dict": {}})
