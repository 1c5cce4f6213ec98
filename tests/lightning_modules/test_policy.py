import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, seed_everything
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.cli import LightningCLI
from toy_task import SPEC, ToyData, observations, tiny_policy, tiny_trainer

from lightning_modules import Sampler, load_policy

pytestmark = pytest.mark.filterwarnings("ignore:LightningCLI's args parameter")


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    """A policy trained with averaged weights, and its checkpoint."""
    path = tmp_path_factory.mktemp("averaged") / "policy.ckpt"
    seed_everything(0)
    policy = tiny_policy()
    callbacks = [EMAWeightAveraging(decay=0.9), ModelCheckpoint(path.parent, path.stem)]
    trainer = tiny_trainer(
        max_epochs=3, limit_val_batches=0, enable_checkpointing=True, callbacks=callbacks
    )
    trainer.fit(policy, datamodule=ToyData())
    return policy.eval(), path


def test_a_loaded_policy_decides_as_the_module_did(averaged):
    learner, path = averaged
    policy = load_policy(path)
    policy.seed(5)
    decided = policy(observations(4))
    with torch.inference_mode():
        expected = learner(observations(4), torch.Generator().manual_seed(5))
    assert torch.equal(decided, expected)
    assert decided.shape == (4, policy.action_horizon, SPEC.action_dim)
    assert not decided.requires_grad
    assert policy.spec == SPEC
    assert policy.observation_horizon == 2


def test_a_loaded_policy_has_the_averaged_weights(averaged):
    _, path = averaged
    checkpoint = torch.load(path, weights_only=True)
    loaded = load_policy(path)._learner.state_dict()
    raw = checkpoint["current_model_state"]
    assert all(torch.equal(loaded[name], checkpoint["state_dict"][name]) for name in loaded)
    assert not all(torch.equal(loaded[name], raw[name]) for name in loaded)


def test_seeding_makes_decisions_reproducible(averaged):
    policy = load_policy(averaged[1])
    policy.seed(1)
    first, second = policy(observations(2)), policy(observations(2))
    policy.seed(1)
    assert torch.equal(first, policy(observations(2)))
    assert not torch.equal(first, second)
    assert not torch.equal(load_policy(averaged[1])(observations(2)), first)


def test_another_sampler_may_be_given(averaged):
    policy = load_policy(averaged[1], sampler=Sampler(num_steps=3, temperature=0.0))
    chunks = policy(observations(8, target=0.3))
    torch.testing.assert_close(chunks, chunks[:1].expand_as(chunks))
    with pytest.raises(ValueError, match="num_steps 99 exceeds"):
        load_policy(averaged[1], sampler=Sampler(num_steps=99))


def nan_at(field):
    broken = observations(2)
    broken[field][1, 0] = torch.nan
    return broken


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (dict(observations(2)), "reads a TensorDict of fields .*, got dict"),
        (observations(2)[0, 0], r"has shape \(\d+,\); a policy reads fields \[B, To, \.\.\.\]"),
        (observations(2)[:, :1], "got 1 observations a decision, .* horizon is 2"),
        (nan_at("target"), "'target' is not finite"),
    ],
)
def test_no_decision_on_observations_that_make_no_sense(averaged, seen, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_policy(averaged[1])(seen)


class CLI(LightningCLI):
    def add_arguments_to_parser(self, parser):
        parser.link_arguments("data.spec", "model.init_args.spec", apply_on="instantiate")


def run_cli(folder, *arguments):
    (folder / "config.yaml").write_text(
        f"""
seed_everything: 1
trainer:
  accelerator: cpu
  max_epochs: 1
  logger: false
  enable_progress_bar: false
  enable_model_summary: false
  default_root_dir: {folder}
  callbacks:
    - class_path: lightning.pytorch.callbacks.EMAWeightAveraging
    - class_path: lightning.pytorch.callbacks.ModelCheckpoint
      init_args: {{dirpath: {folder}, filename: policy, enable_version_counter: false}}
model:
  class_path: lightning_modules.DiffusionPolicy
  init_args:
    horizons: {{prediction: 4, action: 2}}
    denoiser:
      class_path: lightning_modules.networks.UNetDenoiser
      init_args: {{channels: [8, 16]}}
    sampler: {{kind: ddpm, num_steps: 5}}
data:
  class_path: toy_task.ToyData
"""
    )
    return CLI(
        LightningModule,
        LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=None,
        parser_kwargs={"parser_mode": "omegaconf+"},
        args=["fit", "--config", str(folder / "config.yaml"), *arguments],
    )


@pytest.fixture(scope="module")
def from_command_line(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    return run_cli(folder), folder


def test_a_checkpoint_of_the_command_line_needs_nothing_else(from_command_line):
    cli, folder = from_command_line
    policy = load_policy(folder / "policy.ckpt")
    policy.seed(2)
    with torch.inference_mode():
        expected = cli.model.eval()(observations(3), torch.Generator().manual_seed(2))
    assert torch.equal(policy(observations(3)), expected)


def test_flags_win_over_the_checkpoint_a_run_resumes_from(from_command_line):
    _, folder = from_command_line
    resumed = run_cli(
        folder,
        f"--ckpt_path={folder / 'policy.ckpt'}",
        "--trainer.max_epochs=2",
        "--model.init_args.sampler.num_steps=7",
    )
    assert resumed.trainer.global_step == 8
    assert resumed.model.sampler == Sampler("ddpm", num_steps=7)


def test_a_mistyped_denoiser_is_refused_with_the_valid_names(tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_code:
        run_cli(tmp_path, "--model.init_args.denoiser=lightning_modules.networks.UnetDenoiser")
    assert exit_code.value.code != 0
    sentence = "no denoiser 'UnetDenoiser'; there are MLPDenoiser, TransformerDenoiser, UNetDenois"
    assert sentence in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at '.*missing.ckpt'"):
        load_policy(tmp_path / "missing.ckpt")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused_in_a_sentence(averaged, tmp_path, kept):
    whole = averaged[1].read_bytes()
    size = kept if isinstance(kept, int) else int(kept * len(whole))
    path = tmp_path / "truncated.ckpt"
    path.write_bytes(whole[:size])
    with pytest.raises(ValueError, match="not a readable checkpoint, or a truncated one"):
        load_policy(path)


@pytest.mark.parametrize("content", [b"hello", b"\x80\x02}q\x00.", b"PK\x03\x04nonsense"])
def test_another_file_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "other.ckpt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other.ckpt' is no"):
        load_policy(path)


@pytest.mark.parametrize("content", [{"state_dict": {}}, torch.zeros(2), {"spec": {}}])
def test_another_checkpoint_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "other.ckpt"
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"policy's checkpoint: it lacks|no checkpoint of a run"):
        load_policy(path)


@pytest.mark.parametrize(
    ("class_path", "sentence"),
    [("nowhere.Net", "cannot be imported"), ("torch.nn.Linear", "is no Denoiser")],
)
def test_a_network_that_is_not_there_is_named(averaged, tmp_path, class_path, sentence):
    checkpoint = torch.load(averaged[1], weights_only=True)
    checkpoint["policy"]["init_args"]["denoiser"]["class_path"] = class_path
    torch.save(checkpoint, tmp_path / "changed.ckpt")
    with pytest.raises(ValueError, match=sentence):
        load_policy(tmp_path / "changed.ckpt")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    path = tmp_path / "code.ckpt"
    torch.save({"spec": {}, "policy": print, "state_dict": {}}, path)
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        load_policy(path)
