import logging
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from command_line_toys import Evaluation

import train

ROOT = Path(train.__file__).parent
CONFIG = {
    "data": {"class_path": "command_line_toys.ToyTask"},
    "model": {"class_path": "command_line_toys.ToyLearner"},
    "trainer": {
        "accelerator": "cpu",
        "max_epochs": 1,
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "logger": {
            "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
            "init_args": {"save_dir": "runs", "name": "toy"},
        },
    },
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder with a config, as a person would have."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    Path("config.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def written():
    """All that is there beside the configs of the test."""
    return sorted(str(path) for path in Path().rglob("*") if path not in set(Path().glob("*.yaml")))


def error_of(capsys, *args):
    """The sentence a failing command prints; checks all that holds for any of them."""
    with pytest.raises(SystemExit) as failure:
        train.main(["fit", "--config", "config.yaml", *args])
    assert failure.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert not written()
    return last.removeprefix("error: ")


def test_the_tasks_spec_reaches_the_learner_and_configs_overlay(folder):
    Path("fast.yaml").write_text("data: {init_args: {rate: 25.0}}")
    train.main(["fit", "--config", "config.yaml", "--config", "fast.yaml"])
    (checkpoint,) = folder.glob("runs/toy/version_0/checkpoints/*.ckpt")
    saved = yaml.safe_load((folder / "runs/toy/version_0/config.yaml").read_text())
    assert saved["data"]["init_args"]["rate"] == 25.0
    assert saved["seed_everything"] == 0
    assert checkpoint.name == "epoch=0-step=4.ckpt"


def test_a_run_goes_on_from_a_checkpoint(folder):
    train.main(["fit", "--config", "config.yaml"])
    checkpoint = "runs/toy/version_0/checkpoints/epoch=0-step=4.ckpt"
    again = ["--trainer.max_epochs", "2", "--ckpt_path", checkpoint]
    train.main(["fit", "--config", "config.yaml", *again])
    (resumed,) = folder.glob("runs/toy/version_1/checkpoints/*.ckpt")
    assert torch.load(resumed, weights_only=True)["global_step"] == 8


@pytest.mark.parametrize(("given", "seed"), [((), 3), (("--evaluation_seed", "7"), 7)])
def test_evaluation_has_a_seed_of_its_own(given, seed):
    evaluation = {"class_path": "command_line_toys.Evaluation", "init_args": {"seed": 3}}
    callbacks = {"trainer": {"callbacks": [evaluation]}}
    Path("evaluated.yaml").write_text(yaml.safe_dump(callbacks))
    train.main(["fit", "--config", "config.yaml", "--config", "evaluated.yaml", *given])
    assert Evaluation.seeds.pop() == seed


def test_a_config_reads_the_environment(folder, monkeypatch):
    monkeypatch.setenv("RATE", "33.0")
    Path("env.yaml").write_text("data: {init_args: {rate: '${oc.env:RATE}'}}")
    train.main(["fit", "--config", "config.yaml", "--config", "env.yaml"])
    saved = yaml.safe_load((folder / "runs/toy/version_0/config.yaml").read_text())
    assert float(saved["data"]["init_args"]["rate"]) == 33.0


@pytest.mark.parametrize("given", ["datamodules.PickBananna", "PickBananna"])
def test_an_unknown_task_gets_the_list_of_tasks(capsys, given):
    error = error_of(capsys, "--data", given)
    assert error.startswith(f"there is no LightningDataModule '{given}'; there are ")
    assert "datamodules.PickBanana," in error


@pytest.mark.parametrize("given", ["lightning_modules.UNet", "UNet"])
def test_an_unknown_denoiser_gets_the_list_of_denoisers(capsys, given):
    Path("policy.yaml").write_text("model: {class_path: lightning_modules.DiffusionPolicy}")
    error = error_of(capsys, "--config", "policy.yaml", "--model.init_args.denoiser", given)
    assert error == (
        f"there is no Denoiser '{given}'; there are lightning_modules.MLPDenoiser, "
        "lightning_modules.TransformerDenoiser, lightning_modules.UNetDenoiser"
    )


def test_an_unknown_denoiser_in_a_config_file_is_named_too(capsys):
    denoiser = {"class_path": "lightning_modules.UNet", "init_args": {"width": 3}}
    model = {"class_path": "lightning_modules.DiffusionPolicy", "init_args": {"denoiser": denoiser}}
    Path("policy.yaml").write_text(yaml.safe_dump({"model": model}))
    error = error_of(capsys, "--config", "policy.yaml")
    assert error.startswith("there is no Denoiser 'lightning_modules.UNet'; there are ")


def makes_lifetimes(explorer):
    """A config whose writer has this explorer."""
    writer = {"class_path": "callbacks.LifetimeWriter", "init_args": {"explorer": explorer}}
    Path("lifetimes.yaml").write_text(yaml.safe_dump({"trainer": {"callbacks": [writer]}}))
    return "--config", "lifetimes.yaml"


def test_what_is_wrong_with_an_explorer_is_said_however_deep_it_stands(capsys):
    error = error_of(capsys, *makes_lifetimes({"class_path": "callbacks.Hindsite"}))
    assert error == (
        "there is no Explorers 'callbacks.Hindsite'; there are callbacks.Explorer, "
        "callbacks.Hindsight, callbacks.Mixture"
    )
    skill = "lightning_modules.skill"
    rung = {"knob": {"class_path": f"{skill}.Heat"}, "value": 1.0}
    ladder = {"class_path": "callbacks.Explorer", "init_args": {"ladder": [rung]}}
    error = error_of(capsys, *makes_lifetimes(ladder))
    assert error.startswith(f"there is no Knob '{skill}.Heat'; there are {skill}.ActionNoise")
    rung = {"knob": {"class_path": f"{skill}.Temperature"}, "success": 0.5, "table": "none.json"}
    mixed = {"class_path": "callbacks.Explorer", "init_args": {"ladder": [rung]}}
    mixture = {"explorers": [mixed], "shares": [1.0]}
    error = error_of(
        capsys, *makes_lifetimes({"class_path": "callbacks.Mixture", "init_args": mixture})
    )
    assert error.startswith("no table 'none.json' of calibrated knobs: 'python experiments/skill_l")


def test_an_unknown_argument_of_a_denoiser_is_named_with_it(capsys):
    denoiser = {"class_path": "lightning_modules.MLPDenoiser", "init_args": {"breadth": 3}}
    model = {"class_path": "lightning_modules.DiffusionPolicy", "init_args": {"denoiser": denoiser}}
    Path("policy.yaml").write_text(yaml.safe_dump({"model": model}))
    error = error_of(capsys, "--config", "policy.yaml")
    assert error == (
        "lightning_modules.MLPDenoiser: Option 'breadth' is not accepted; there are width, "
        "num_blocks, embedding_dim"
    )


def test_an_unknown_phi_set_gets_the_list_of_phi_sets(capsys):
    error = error_of(
        capsys,
        "--data",
        "datamodules.PickBanana",
        "--data.phi_set",
        "far",
        "--data.sources",
        "{d: {class_path: datamodules.Demonstrations, init_args: {path: data}}}",
    )
    assert error == ("task 'pick_banana' has no phi set 'far'; there are point, near, wide, table")


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--data.rate", "-1"], "rate is -1.0, it must be above 0"),
        (["--data.rate", "x"], "rate: Expected a float. Got value: x"),
        (
            ["--data.rat", "1"],
            "command_line_toys.ToyTask: Option 'rat' is not accepted; there are rate, fail_at",
        ),
        (["--data.fail_at", "setup"], "episode 3 holds NaN: look at it"),
        (["--trainer.max_epochs", "x"], "trainer.max_epochs: Expected a int. Got value: x"),
        (["--trainer.max_epoch", "9"], "unrecognized arguments: --trainer.max_epoch 9"),
        (["--trainer.speed", "9"], "unrecognized arguments: --trainer.speed 9"),
        (["--ckpt_path", "none.ckpt"], "no checkpoint at 'none.ckpt'"),
        (
            ["--ckpt_path", "config.yaml"],
            "'config.yaml' is not a readable checkpoint, or a truncated one",
        ),
    ],
)
def test_bad_input_gets_one_sentence_and_nothing_is_written(capsys, args, sentence):
    assert error_of(capsys, *args) == sentence


def test_a_missing_config_is_named(capsys):
    assert "File does not exist: " in error_of(capsys, "--config", "none.yaml")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ValueError, match="invalid literal"):
        train.main(["fit", "--config", "config.yaml", "--data.fail_at", "bug"])


def test_an_error_in_the_middle_of_training_keeps_its_traceback_and_its_run():
    with pytest.raises(ValueError, match="a bug in the middle"):
        train.main(["fit", "--config", "config.yaml", "--model.fail", "true"])
    assert "runs/toy/version_0" in written()


def test_results_of_older_runs_survive_a_bad_one(capsys):
    older = Path("runs/toy/version_0/events.out.tfevents.1")
    older.parent.mkdir(parents=True)
    older.write_text("results")
    with pytest.raises(SystemExit):
        train.main(["fit", "--config", "config.yaml", "--data.fail_at", "setup"])
    assert older.read_text() == "results"
    assert not Path("runs/toy/version_1").exists()


def test_from_a_shell_an_error_is_one_line_and_the_status_is_two():
    command = [sys.executable, ROOT / "train.py", "fit", "--config", "none.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: config: File does not exist: ")
    assert done.stderr.count("\n") == 1
