"""What others recorded comes in without loss, or is refused in one sentence."""

import json

import numpy as np
import pytest
import torch
from tensordict import TensorDict

from robot.__main__ import main
from robot.episode_check import check_episode
from robot.recordings.importer import import_recording

h5py = pytest.importorskip("h5py")

LENGTHS = (7, 5, 12)
RANDOM = np.random.default_rng(0)
STATES = [RANDOM.normal(size=(n, 3)).astype(np.float32) for n in LENGTHS]
ACTIONS = [RANDOM.normal(size=(n, 3)).astype(np.float32) for n in LENGTHS]
DELTAS = [RANDOM.normal(size=(n, 2)).astype(np.float32) for n in LENGTHS]


def npz(folder):
    folder.mkdir()
    for i, (state, action) in enumerate(zip(STATES, ACTIONS, strict=True)):
        names = np.array(["pan", "lift", "gripper"])
        file = folder / f"episode_{i:03d}.npz"
        np.savez(file, state=state, action=action, rate=20, joints=names)
    return folder


def act(folder):
    folder.mkdir()
    for i, (state, action) in enumerate(zip(STATES, ACTIONS, strict=True)):
        with h5py.File(folder / f"episode_{i:03d}.hdf5", "w") as file:
            file["observations/qpos"] = state
            file["observations/images/top"] = np.zeros((len(state), 4, 4, 3), np.uint8)
            file["action"] = action
    return folder


def robomimic(file):
    with h5py.File(file, "w") as opened:
        data = opened.create_group("data")
        environment = {"env_name": "Lift", "env_kwargs": {"control_freq": 20}}
        data.attrs["env_args"] = json.dumps(environment)
        for i in (0, 2, 1):  # in the order of their numbers, not of their coming
            demo = data.create_group(f"demo_{i}")
            demo["obs/robot0_joint_pos"] = STATES[i][:, :2]
            demo["obs/robot0_wrist"] = STATES[i][:, 2:]
            demo["obs/agentview_image"] = np.zeros((LENGTHS[i], 4, 4, 3), np.uint8)
            demo["actions"] = DELTAS[i]
    return file


def torchrl(folder):
    episode = np.repeat([4, 5, 7], LENGTHS)
    data = {
        "observation": {"state": torch.from_numpy(np.concatenate(STATES))},
        "action": torch.from_numpy(np.concatenate(ACTIONS)),
        "episode": torch.from_numpy(episode),
    }
    TensorDict(data, batch_size=[len(episode)]).memmap(folder)
    return folder


@pytest.mark.parametrize("write", [npz, act, torchrl])
def test_states_and_actions_are_those_of_the_recording(tmp_path, write):
    store = import_recording(write(tmp_path / "there"), tmp_path / "store", rate=20)
    assert len(store) == 3
    assert store.spec.rate == 20
    assert store.spec.action_change is not None
    for i, state, action in zip(store.ids, STATES, ACTIONS, strict=True):
        episode = store.load(i)
        check_episode(episode, store.spec)
        np.testing.assert_array_equal(episode["observation", "joint_position"], state)
        np.testing.assert_array_equal(episode["action"], action)
        np.testing.assert_array_equal(episode["observation", "last_command"][1:], action[:-1])
        np.testing.assert_allclose(episode["observation_time"].flatten().diff(), 0.05, atol=1e-6)
        assert episode["next", "terminated"].sum() == 1


def test_joints_have_their_names_where_the_recording_says_them(tmp_path):
    store = import_recording(npz(tmp_path / "there"), tmp_path / "store")
    assert store.spec.joints == ("pan", "lift", "gripper")


def test_actions_need_not_be_like_states(tmp_path):
    store = import_recording(robomimic(tmp_path / "lift.hdf5"), tmp_path / "store")
    assert store.spec.task == "lift"
    assert store.metadata["provenance"]["robot_type"] == "Lift"
    assert store.spec.action_change is None
    for i, state, action in zip(store.ids, STATES, DELTAS, strict=True):
        episode = store.load(i)
        check_episode(episode, store.spec)
        np.testing.assert_array_equal(episode["observation", "state"], state)
        np.testing.assert_array_equal(episode["action"], action)


def test_an_import_is_made_once_and_anew_if_the_recording_changes(tmp_path):
    source, path = npz(tmp_path / "there"), tmp_path / "store"
    import_recording(source, path)
    before = (path / "metadata.json").stat().st_mtime_ns
    assert import_recording(source, path).ids == [0, 1, 2]
    assert (path / "metadata.json").stat().st_mtime_ns == before
    (source / "episode_002.npz").unlink()
    assert import_recording(source, path).ids == [0, 1]


def broken(tmp_path, kind):
    """Something that is no recording."""
    folder = tmp_path / "there"
    match kind:
        case "nothing":
            return folder
        case "empty":
            folder.mkdir()
        case "lacking":
            npz(folder)
            np.savez(folder / "episode_001.npz", state=STATES[1])
        case "uneven":
            npz(folder)
            np.savez(folder / "episode_001.npz", state=STATES[1], action=ACTIONS[1][:-1])
        case "unlike":
            npz(folder)
            np.savez(folder / "episode_001.npz", state=STATES[1], action=DELTAS[1])
        case "nan":
            npz(folder)
            np.savez(folder / "episode_001.npz", state=STATES[1] * np.nan, action=ACTIONS[1])
        case "no rate":
            act(folder)
        case "torn":
            torchrl(folder)
            torn = TensorDict.load_memmap(folder)
            torn["episode"][:2] = 7
        case "no npz":
            npz(folder)
            (folder / "episode_001.npz").write_text("nothing")
        case "no hdf5":
            folder = tmp_path / "lift.hdf5"
            folder.write_text("nothing")
    return folder


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nothing", "there is no recording at"),
        ("empty", "is not known; what can be read: LeRobotDataset v3.0, TorchRL dataset"),
        ("lacking", "episode_001.npz has no 'action'; it has state"),
        ("uneven", "has 24 states, 23 actions"),
        ("unlike", "have states and actions of shapes"),
        ("nan", "not finite"),
        ("no rate", "does not say how many frames a second it has: give --rate"),
        ("torn", "the frames of an episode"),
        ("no hdf5", "lift.hdf5 is truncated or damaged"),
        ("no npz", "episode_001.npz is truncated or damaged"),
    ],
)
def test_what_is_no_recording_is_one_sentence_and_nothing_is_written(tmp_path, capsys, kind, said):
    rate = () if kind == "no rate" else ("--rate", "20")
    source, path = broken(tmp_path, kind), tmp_path / "store"
    with pytest.raises(SystemExit):
        main(["episodes", "import", str(source), str(path), *rate])
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not path.exists()
