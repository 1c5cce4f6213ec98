"""What a person can get wrong ends in one sentence and status 2, with nothing written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import train
from datamodules import Demonstrations, PickBanana
from robot.episodes import EpisodeStore
from robot.record import record
from robot.schema import TaskSpec
from robot.simulation import opengl

ROOT = Path(train.__file__).parent
CONFIGS = [
    *("--config", str(ROOT / "configs/pick_banana/diffusion_policy.yaml")),
    *("--config", str(ROOT / "configs/pick_banana/smoke.yaml")),
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.callbacks", "null"),
]
PATH = "--data.init_args.sources.demonstrations.init_args.path"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(sys, "argv", ["train.py"])
    return tmp_path / "work"


@pytest.fixture
def store(tmp_path):
    """Three demonstrations, beside the working folder."""
    path = tmp_path / "store"
    task = PickBanana("point", {"demonstrations": Demonstrations(path)})
    return record(task, task.plan(), task.phi_set, path, 4, seed=0)


def refused(capsys, *args, stage="fit"):
    """The sentence that the command prints; nothing may be there afterwards."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as failure:
        train.main([stage, *CONFIGS, *args])
    assert failure.value.code == 2
    errors = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert len(errors) == 1
    assert not list(Path().rglob("*")), "something was written"
    return errors[0].removeprefix("error: ")


def content(path):
    return {str(p): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def edit_metadata(store, **changes):
    path = store.path / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["spec"] |= changes
    path.write_text(json.dumps(metadata))


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--data", "datamodules.PickPear"], ["datamodules.PickBanana", "datamodules.PlaceInBowl"]),
        (["--data.init_args.phi_set", "everywhere"], ["point, near, wide, table", "'everywhere'"]),
        (
            ["--model.init_args.denoiser", "lightning_modules.RNNDenoiser"],
            ["lightning_modules.MLPDenoiser", "lightning_modules.UNetDenoiser"],
        ),
        (["--model.init_args.sampler.kind", "euler"], ["ddim", "ddpm", "dpm_solver"]),
        (["--config", "nowhere.yaml"], ["nowhere.yaml"]),
        (["--ckpt_path", "nowhere.ckpt"], ["nowhere.ckpt"]),
    ],
    ids=["task", "phi set", "denoiser", "sampler", "config", "checkpoint"],
)
def test_an_unknown_name_lists_what_there_is(capsys, store, args, names):
    sentence = refused(capsys, PATH, str(store.path), *args)
    for name in names:
        assert name in sentence


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"task": "peel_banana"}, "holds demonstrations of task 'peel_banana', not 'pick_banana'"),
        ({"rate": 20.0}, "was recorded at 20 Hz, task 'pick_banana' runs at 10 Hz"),
    ],
)
def test_demonstrations_of_another_task_or_rate_are_refused(capsys, store, changes, says):
    edit_metadata(store, **changes)
    before = content(store.path)
    assert says in refused(capsys, PATH, str(store.path))
    assert content(store.path) == before


def test_an_empty_dataset_is_refused(capsys, store, tmp_path):
    empty = EpisodeStore.create(tmp_path / "empty", store.spec)
    args = ["--config", str(ROOT / "configs/recorded/diffusion_policy.yaml")]
    capsys.readouterr()
    with pytest.raises(SystemExit) as failure:
        train.main(["fit", *args, "--data.init_args.store", str(empty.path)])
    assert failure.value.code == 2
    assert "is empty" in capsys.readouterr().err.splitlines()[-1]


def test_a_truncated_episode_is_refused(capsys, store):
    (steps,) = store.path.glob("episodes/*1/steps")
    steps.write_bytes(steps.read_bytes()[:-100])
    before = content(store.path)
    sentence = refused(capsys, PATH, str(store.path))
    assert str(store.path) in sentence
    assert content(store.path) == before


def test_a_horizon_longer_than_an_episode_is_refused(capsys, store):
    args = ["--model.init_args.horizons.prediction", "500"]
    assert "500" in refused(capsys, PATH, str(store.path), *args)


def test_a_checkpoint_of_other_dimensions_is_refused(capsys, store, tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    train.main(
        [
            "fit",
            *CONFIGS,
            PATH,
            str(store.path),
            "--trainer.max_steps",
            "2",
        ]
    )
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    monkeypatch.chdir(folder)
    resume = [PATH, str(store.path), "--ckpt_path", str(checkpoint)]
    wider = ["--model.init_args.denoiser.init_args.width", "48"]
    assert "48" in refused(capsys, *resume, *wider)
    longer = ["--model.init_args.horizons.prediction", "16"]
    assert "prediction horizon is 12, the current one is 16" in refused(capsys, *resume, *longer)


@pytest.mark.parametrize("kept", [3_000, 50_000])
def test_a_truncated_checkpoint_is_refused(capsys, store, tmp_path, monkeypatch, folder, kept):
    monkeypatch.chdir(tmp_path)
    train.main(["fit", *CONFIGS, PATH, str(store.path), "--trainer.max_steps", "2"])
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    monkeypatch.chdir(folder)
    torn = tmp_path / "torn.ckpt"
    torn.write_bytes(checkpoint.read_bytes()[:kept])
    sentence = refused(capsys, PATH, str(store.path), "--ckpt_path", str(torn))
    assert "torn.ckpt' is not a readable checkpoint, or a truncated one" in sentence


def test_a_checkpoint_of_another_task_is_refused(capsys, store, tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    train.main(["fit", *CONFIGS, PATH, str(store.path), "--trainer.max_steps", "2"])
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    monkeypatch.chdir(folder)
    other = ["--data", "datamodules.PlaceInBowl", "--ckpt_path", str(checkpoint)]
    sentence = refused(capsys, *other, stage="test")
    assert "its task is pick_banana, the current one is place_in_bowl" in sentence


@pytest.mark.parametrize(
    ("stage", "args", "says"),
    [
        (
            "fit",
            ["--model.init_args.horizons.prediction", "1000"],
            f"1000 is longer than the {PickBanana.max_steps}",
        ),
        ("fit", [PATH.replace("path", "validation"), "[99]"], "validation episode 99"),
        ("test", ["--ckpt_path", "nowhere.ckpt"], "no checkpoint at 'nowhere.ckpt'"),
        ("validate", [], "'validate' needs --ckpt_path"),
        ("predict", [], "'predict' needs --ckpt_path"),
        ("test", [], "'test' needs --ckpt_path"),
        ("fit", [PATH.replace("path", "validation"), "[-1]"], "validation episode -1"),
        ("fit", [PATH.replace("path", "validation"), "[0, 1, 2, 3]"], "leaves none"),
        ("fit", ["--data.init_args.seed", "-1"], "seed is -1"),
        ("fit", ["--seed_everything", "-1"], "-1"),
        ("fit", ["--trainer.strategy", "ddpp"], "ddpp"),
        (
            "fit",
            ["--model.init_args.denoiser.init_args.width", "0"],
            "width is 0, must be",
        ),
        ("fit", [PATH, "/dev/null/store"], "/dev/null/store: not a directory"),
    ],
)
def test_what_is_wrong_is_found_before_anything_is_recorded(capsys, stage, args, says):
    assert says in refused(capsys, *args, stage=stage)


def test_folders_that_were_there_before_stay(capsys, store, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    bad = [PATH.replace("path", "validation"), "[99]"]
    folder = ["--trainer.logger.init_args.save_dir", str(mine)]
    refused(capsys, PATH, str(store.path), *bad, *folder)
    assert mine.is_dir()
    assert not list(mine.iterdir())


def test_without_pyarrow_the_sentence_says_what_to_install(capsys, monkeypatch, tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / "data").mkdir()
    features = {"observation.state": {}, "action": {}}
    info = {"codebase_version": "v3.0", "features": features}
    (tmp_path / "meta" / "info.json").write_text(json.dumps(info))
    (tmp_path / "data" / "file-000.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    args = ["--config", str(ROOT / "configs/recorded/diffusion_policy.yaml")]
    capsys.readouterr()
    with pytest.raises(SystemExit) as failure:
        train.main(["fit", *args, "--data.init_args.lerobot", str(tmp_path)])
    assert failure.value.code == 2
    assert "pip install" in capsys.readouterr().err.splitlines()[-1]


def test_without_opengl_pictures_are_refused_before_anything_is_trained(capsys, store, monkeypatch):
    def broken(backend, width, height):
        raise AttributeError("'NoneType' object has no attribute 'eglQueryString'")

    monkeypatch.setattr(opengl, "_linux_context", broken)
    monkeypatch.setattr(opengl, "_working", {})
    callbacks = [
        {"class_path": "callbacks.RolloutEvaluation"},
        {"class_path": "callbacks.RolloutVideo", "init_args": {"without_opengl": "error"}},
    ]
    sentence = refused(capsys, PATH, str(store.path), "--trainer.callbacks", json.dumps(callbacks))
    assert "no OpenGL to draw pictures with" in sentence
    assert "apt-get install" in sentence


def test_a_renderer_that_does_not_exist_is_refused_with_those_that_do(folder):
    command = [sys.executable, str(ROOT / "train.py"), "fit", *CONFIGS]
    environment = {**os.environ, "MUJOCO_GL": "nonsense"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(
        "nonsense; there are egl and osmesa, or leave it unset"
    )


def test_nan_in_a_stored_episode_is_named_with_the_episode_and_the_folder(capsys, store):
    with pytest.MonkeyPatch.context() as patch:  # as a store of other software may hold it
        patch.setattr("robot.episodes.check_episode", lambda *_: None)
        episode = store.load(0)
        episode["observation", "joint_velocity"][3, 2] = torch.nan
        added = store.append(episode, store.info(0))
    sentence = refused(capsys, PATH, str(store.path))
    assert sentence.startswith(f"episode {added} of {store.path}: 'observation/joint_velocity'")
    assert "step 3" in sentence


def test_nan_in_an_episode_is_refused_when_it_is_recorded(store):
    episode = store.load(0)
    episode["action"][3, 2] = torch.nan
    before = content(store.path)
    with pytest.raises(ValueError, match=r"action.*step 3"):
        store.append(episode, store.info(0))
    assert content(store.path) == before


def test_a_spec_keeps_its_ranges_through_json(store):
    assert TaskSpec.from_dict(json.loads(json.dumps(store.spec.to_dict()))) == store.spec


def test_two_callbacks_of_one_kind_are_refused(capsys, store):
    callbacks = [{"class_path": "callbacks.RolloutEvaluation"}] * 2
    sentence = refused(capsys, PATH, str(store.path), "--trainer.callbacks", json.dumps(callbacks))
    assert "more than one stateful callback of type `RolloutEvaluation`" in sentence
