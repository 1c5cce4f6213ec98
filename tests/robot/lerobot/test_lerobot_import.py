"""A LeRobotDataset v3.0 is imported without loss, or refused in one sentence."""

import builtins
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.lerobot.dataset import LeRobotDataset
from robot.recordings.importer import import_recording

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

REAL = Path(__file__).parents[4] / "shared" / "data" / "so101_pick_cube"
JOINTS = ["pan", "lift", "gripper"]
LENGTHS = (7, 5, 9)


def frames(lengths=LENGTHS):
    """Columns as LeRobot writes them."""
    generator = np.random.default_rng(0)
    total = sum(lengths)
    frame = np.concatenate([np.arange(n) for n in lengths])

    def vectors():
        values = generator.normal(size=(total, 3)).astype(np.float32) * 50
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 3)

    return pa.table(
        {
            "action": vectors(),
            "observation.state": vectors(),
            "timestamp": pa.array((frame / 20).astype(np.float32)),
            "frame_index": pa.array(frame),
            "episode_index": pa.array(np.repeat(np.arange(len(lengths)), lengths)),
            "index": pa.array(np.arange(total)),
            "task_index": pa.array(np.zeros(total, np.int64)),
        }
    )


def write_dataset(path, table, **info):
    feature = {"dtype": "float32", "shape": [3], "names": [f"{name}.pos" for name in JOINTS]}
    (path / "meta").mkdir(parents=True, exist_ok=True)
    metadata = {
        "codebase_version": "v3.0",
        "robot_type": "made_up",
        "fps": 20,
        "total_episodes": len(LENGTHS),
        "total_frames": sum(LENGTHS),
        "features": {"action": feature, "observation.state": feature},
        **info,
    }
    (path / "meta" / "info.json").write_text(json.dumps(metadata))
    folder = path / "data" / "chunk-000"
    folder.mkdir(parents=True, exist_ok=True)
    # Two files: a dataset is cut where it gets large, also within an episode.
    pq.write_table(table.slice(0, 10), folder / "file-000.parquet")
    pq.write_table(table.slice(10), folder / "file-001.parquet")
    return path


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "cube", frames())


def compare_with_pyarrow(store, path, state_key="observation.state"):
    """Every state, action and time stamp, bit by bit."""
    table = pa.concat_tables(
        [pq.read_table(file) for file in sorted((path / "data").rglob("*.parquet"))]
    )
    episodes = np.array(table["episode_index"])
    assert store.ids == sorted(set(episodes.tolist()))
    for number in store.ids:
        mask = pa.array(episodes == number)
        rows = table.filter(mask)
        state = torch.tensor(rows[state_key].to_pylist(), dtype=torch.float32)
        action = torch.tensor(rows["action"].to_pylist(), dtype=torch.float32)
        episode = store.load(number)
        assert torch.equal(episode["observation", "joint_position"], state)
        assert torch.equal(episode["action"], action)
        assert torch.equal(episode["observation", "last_command"][1:], action[:-1])
        assert torch.equal(episode["observation", "last_command"][0], state[0])
        sent = episode["observation", "last_command"]
        assert torch.equal(episode["observation", "following_error"], state - sent)
        assert torch.equal(episode["observation", "command_change"][1:], sent[1:] - sent[:-1])
        stamps = torch.tensor(rows["timestamp"].to_pylist(), dtype=torch.float64)[:, None]
        assert torch.equal(episode["observation_time"], stamps)
        assert torch.equal(episode["command_time"], stamps)
        assert episode["next", "done"].flatten().tolist() == [False] * (len(rows) - 1) + [True]


def test_the_import_is_lossless(dataset, tmp_path):
    compare_with_pyarrow(import_recording(dataset, tmp_path / "store"), dataset)


def test_joints_rate_and_units_come_from_the_metadata(dataset, tmp_path):
    store = import_recording(dataset, tmp_path / "store")
    assert (store.spec.task, store.spec.rate) == ("cube", 20.0)
    assert store.spec.joints == ("pan", "lift", "gripper")
    assert list(store.spec.observation) == [
        "joint_position",
        "last_command",
        "following_error",
        "command_change",
    ]
    assert "LeRobot" in store.metadata["units"]["joint_position"]
    assert store.metadata["provenance"]["robot_type"] == "made_up"
    assert store.total_seconds()["human"] == pytest.approx(sum(LENGTHS) / 20)


@pytest.mark.parametrize("stats", [None, {"action": {"min": [-900.0] * 3, "max": [900.0] * 3}}])
def test_ranges_hold_the_data_and_the_statistics(dataset, tmp_path, stats):
    if stats:
        (dataset / "meta" / "stats.json").write_text(json.dumps(stats))
    store = import_recording(dataset, tmp_path / "store")
    for number in store.ids:
        episode = store.load(number)
        for bounds, values in (
            (store.spec.action, episode["action"]),
            *(
                (bounds, episode["observation", name])
                for name, bounds in store.spec.observation.items()
            ),
        ):
            assert (values >= torch.tensor(bounds.low)).all()
            assert (values <= torch.tensor(bounds.high)).all()
    assert (store.spec.action.high[0] > 900) == bool(stats)


def test_a_second_import_does_nothing_until_the_dataset_changes(dataset, tmp_path):
    store = import_recording(dataset, tmp_path / "store")
    made = (store.path / "metadata.json").stat().st_mtime_ns
    import_recording(dataset, store.path)
    assert (store.path / "metadata.json").stat().st_mtime_ns == made
    table = frames()
    table = table.set_column(0, "action", table["observation.state"])
    write_dataset(dataset, table)
    compare_with_pyarrow(import_recording(dataset, store.path), dataset)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".store.lock", "cube", "store"]


def test_an_import_that_died_is_begun_again(dataset, tmp_path, monkeypatch):
    appended = EpisodeStore.append

    def die_at_the_second(self, *args):
        if len(self) == 1:
            raise KeyboardInterrupt
        return appended(self, *args)

    monkeypatch.setattr(EpisodeStore, "append", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        import_recording(dataset, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    monkeypatch.undo()
    compare_with_pyarrow(import_recording(dataset, tmp_path / "store"), dataset)


def test_recordings_are_not_replaced_by_an_import(dataset, tmp_path, reach_spec, make_episode):
    store = EpisodeStore.create(tmp_path / "store", reach_spec)
    store.append(make_episode(4), EpisodeInfo("Ada", success=True))
    with pytest.raises(ValueError, match="would be lost: use another folder"):
        import_recording(dataset, store.path)
    assert len(store) == 1


def without(table, column):
    return table.drop_columns([column])


def skipping(table, row):
    return pa.concat_tables([table.slice(0, row), table.slice(row + 1)])


FAULTS = {
    "version": (frames(), {"codebase_version": "v2.1"}, r"of version v2\.1, only v3\.0 is read"),
    "episodes": (frames(), {"total_episodes": 4}, r"says it has 4 episodes and holds 3"),
    "frames": (frames(), {"total_frames": 99}, r"says it has 99 frames and holds 21"),
    "state": (
        without(frames(), "observation.state"),
        {},
        r"no column 'observation\.state'; it has",
    ),
    "action": (without(frames(), "action"), {}, r"no column 'action'; it has"),
    "feature": (frames(), {"features": {}}, r"no feature 'observation\.state'"),
    "gap": (skipping(frames(), 9), {}, r"row 9 is frame 3 of episode 1, expected 2"),
    "start": (skipping(frames(), 7), {}, r"row 7 is frame 1 of episode 1, expected 0"),
    "order": (frames((7, 5, 9)).take(list(range(7, 21))), {}, r"has episodes \[1, 2\]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_dataset_is_refused_in_one_sentence_and_nothing_is_left(tmp_path, fault):
    table, info, sentence = FAULTS[fault]
    dataset = write_dataset(tmp_path / "cube", table, **info)
    with pytest.raises(ValueError, match=sentence) as error:
        import_recording(dataset, tmp_path / "data" / "store")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "data").exists()


def test_a_missing_dataset_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no LeRobotDataset at .*nothing"):
        LeRobotDataset.read(tmp_path / "nothing")


def test_a_dataset_without_data_is_one_sentence(dataset):
    shutil.rmtree(dataset / "data")
    with pytest.raises(FileNotFoundError, match=r"has no data/\*\*\.parquet"):
        LeRobotDataset.read(dataset)


def test_a_truncated_file_is_named(dataset):
    file = dataset / "data" / "chunk-000" / "file-001.parquet"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"file-001\.parquet is truncated or damaged"):
        LeRobotDataset.read(dataset)


def test_without_pyarrow_it_says_what_to_install(dataset, monkeypatch):
    real_import = builtins.__import__

    def no_pyarrow(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_pyarrow)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'beachhead\[recorded\]'"):
        LeRobotDataset.read(dataset)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no recording of a real arm at {REAL}")
def test_the_real_recording_is_imported_without_loss(tmp_path):
    store = import_recording(REAL, tmp_path / "so101_pick_cube")
    assert len(store) == 4
    assert store.spec.rate == 30.0
    compare_with_pyarrow(store, REAL)
