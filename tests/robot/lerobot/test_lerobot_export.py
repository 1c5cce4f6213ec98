"""What is exported LeRobot can read by its contract, and comes back to the bit."""

import json

import av
import numpy as np
import pytest
import torch
from tensordict import TensorDict, assert_close

from robot.__main__ import main
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.film import Film, write_film
from robot.lerobot import export as exporting
from robot.lerobot.export import export_lerobot
from robot.recordings.importer import import_recording
from robot.schema import Range, TaskSpec

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

LENGTHS = (7, 12, 3)
SPEC = TaskSpec(
    task="pick_nothing",
    rate=10.0,
    joints=("waist", "gripper"),
    observation={
        "joint_position": Range.repeat(-3.0, 3.0, 1),
        "gripper_opening": Range.repeat(0.0, 0.1, 1),
        "object_position": Range.repeat(-1.0, 1.0, 12),
    },
    action=Range.repeat(-3.0, 3.0, 2),
)


def episode(steps, seed):
    """As the schema has it, with stamps that are not even."""
    random = torch.Generator().manual_seed(seed)

    def numbers(*shape):
        return torch.randn(steps, *shape, generator=random)

    stamps = 1e5 + torch.rand(steps, 1, generator=random, dtype=torch.float64).cumsum(0)
    last = torch.arange(steps)[:, None] == steps - 1
    succeeded = torch.tensor(seed % 2 == 0)
    return TensorDict(
        {
            "observation": {
                "joint_position": numbers(1),
                "gripper_opening": numbers(1),
                "object_position": numbers(4, 3),
                "joint_velocity": numbers(1),  # recorded, but not read
            },
            "action": numbers(2),
            "phi": numbers(3),
            "observation_time": stamps,
            "command_time": stamps + 0.003,
            "next": {
                "reward": (last & succeeded).float(),
                "terminated": last & succeeded,
                "truncated": last & ~succeeded,
                "done": last,
            },
        },
        batch_size=[steps],
    )


@pytest.fixture
def store(tmp_path):
    made = EpisodeStore.create(tmp_path / "store", SPEC, arm="viperx300s", phi_set="near")
    for seed, steps in enumerate(LENGTHS):
        info = EpisodeInfo("mel", seed % 2 == 0, {"radius": 0.3}, human_s=steps / 10, notes="a, b")
        made.append(episode(steps, seed), info)
    made.delete(made.append(episode(4, 9), EpisodeInfo("mel", True)))
    return made


def test_it_comes_back_to_the_bit(store, tmp_path):
    export_lerobot(store, tmp_path / "out")
    back = import_recording(tmp_path / "out", tmp_path / "back")
    assert len(back) == len(store)
    assert back.spec == store.spec
    origin = dict(back.metadata["provenance"])
    origin.pop("imported")
    assert origin == store.metadata["provenance"]
    assert back.metadata["units"] == store.metadata["units"]
    for ours, theirs in zip(store.ids, back.ids, strict=True):
        assert store.info(ours) == back.info(theirs)
        before, after = store.load(ours), back.load(theirs)
        assert_close(before, after, rtol=0, atol=0)
        for key in before.keys(include_nested=True, leaves_only=True):
            assert before[key].dtype == after[key].dtype
    again = import_recording(tmp_path / "out", tmp_path / "back")
    assert again.ids == back.ids


def test_it_holds_what_lerobot_looks_for(store, tmp_path):
    out = tmp_path / "out"
    export_lerobot(store, out)
    info = json.loads((out / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert (info["fps"], info["robot_type"]) == (10, "viperx300s")
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (3, 22, 1)
    assert info["features"]["action"]["names"] == ["waist.pos", "gripper.pos"]
    tasks = pq.read_table(out / "meta" / "tasks.parquet")
    assert tasks.to_pydict() == {"task_index": [0], "task": ["pick nothing"]}
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    listed = pq.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pydict()
    assert listed["episode_index"] == [0, 1, 2]
    assert listed["length"] == list(LENGTHS)
    assert listed["dataset_from_index"] == [0, 7, 19]
    assert listed["dataset_to_index"] == [7, 19, 22]
    assert listed["tasks"] == [["pick nothing"]] * 3
    for name in ("data/chunk_index", "data/file_index", "meta/episodes/chunk_index"):
        assert listed[name] == [0, 0, 0]
    data = pq.read_table(out / "data/chunk-000/file-000.parquet")
    assert set(data.column_names) == set(info["features"])
    assert data.schema.field("timestamp").type == pa.float32()
    for name in ("frame_index", "episode_index", "index", "task_index"):
        assert data.schema.field(name).type == pa.int64()
    assert data["index"].to_pylist() == list(range(22))
    for name, feature in info["features"].items():
        kind = data.schema.field(name).type
        width = kind.list_size if pa.types.is_fixed_size_list(kind) else 1
        assert [width] == feature["shape"]
        assert feature["names"] is None or len(feature["names"]) == width
    stats = json.loads((out / "meta" / "stats.json").read_text())
    actions = torch.cat([store.load(i)["action"] for i in store.ids]).double().numpy()
    np.testing.assert_allclose(stats["action"]["mean"], actions.mean(0))
    np.testing.assert_allclose(stats["action"]["std"], actions.std(0))
    np.testing.assert_allclose(stats["action"]["max"], actions.max(0))
    assert stats["action"]["count"] == [22]


@pytest.fixture
def filmed(tmp_path):
    """A store whose episodes were filmed; each picture is lighter than the last."""
    made = EpisodeStore.create(tmp_path / "filmed", SPEC)
    for seed, steps in enumerate(LENGTHS):
        recorded = episode(steps, seed)
        times = recorded["observation_time"].flatten().tolist()
        stamps = [t - 0.01 for t in times[::2]]  # slower than the steps
        pictures = [np.full((48, 64, 3), 20 * i + 5, dtype=np.uint8) for i in range(len(stamps))]
        write_film(tmp_path / "film.mp4", 10, pictures)
        film = Film(tmp_path / "film.mp4", tuple(stamps))
        made.append(recorded, EpisodeInfo("mel", True), {"front": film})
    return made


def shades(film):
    return [round((picture.mean() - 5) / 20) for picture in film.pictures()]


def test_films_come_back_a_picture_for_each_step(filmed, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "FRAMES_PER_FILE", 8)
    out = tmp_path / "out"
    export_lerobot(filmed, out)
    key = "observation.images.front"
    assert len(list((out / "videos" / key / "chunk-000").glob("*.mp4"))) == 2
    info = json.loads((out / "meta" / "info.json").read_text())
    assert info["features"][key]["shape"] == [48, 64, 3]
    listed = pq.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pydict()
    np.testing.assert_allclose(listed[f"videos/{key}/from_timestamp"], [0, 0.7, 0])
    np.testing.assert_allclose(listed[f"videos/{key}/to_timestamp"], [0.7, 1.9, 0.3])
    for file, frames in ((0, 19), (1, 3)):  # LeRobot looks for a picture at each frame's time
        with av.open(str(out / f"videos/{key}/chunk-000/file-{file:03d}.mp4")) as opened:
            times = [float(frame.time) for frame in opened.decode(video=0)]
        np.testing.assert_allclose(times, np.arange(frames) / 10, atol=1e-5)
    stats = json.loads((out / "meta" / "stats.json").read_text())[key]
    assert np.shape(stats["mean"]) == (3, 1, 1)
    assert 0 < stats["mean"][0][0][0] < 1
    back = import_recording(out, tmp_path / "back")
    for ours, theirs in zip(filmed.ids, back.ids, strict=True):
        before, after = filmed.load(ours), back.load(theirs)
        assert_close(before.exclude("frame"), after.exclude("frame"), rtol=0, atol=0)
        film, old = back.films(theirs)["front"], filmed.films(ours)["front"]
        numbers = before["frame", "front"].flatten().tolist()
        assert shades(film) == numbers
        assert film.stamps == tuple(old.stamps[n] for n in numbers)


def test_films_of_some_episodes_are_not_exported(filmed, tmp_path):
    filmed.append(episode(4, 5), EpisodeInfo("mel", True))
    with pytest.raises(ValueError, match="camera front filmed 3 of the 4 episodes"):
        export_lerobot(filmed, tmp_path / "out")
    export_lerobot(filmed, tmp_path / "out", films=False)
    assert not (tmp_path / "out" / "videos").exists()


def test_many_frames_go_to_several_files(store, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "FRAMES_PER_FILE", 8)
    export_lerobot(store, tmp_path / "out")
    assert len(list((tmp_path / "out" / "data").rglob("*.parquet"))) == 2
    listed = pq.read_table(tmp_path / "out/meta/episodes/chunk-000/file-000.parquet")
    assert listed["data/file_index"].to_pylist() == [0, 0, 1]
    back = import_recording(tmp_path / "out", tmp_path / "back")
    assert [back.num_steps(i) for i in back.ids] == list(LENGTHS)


def test_lerobot_itself_reads_it(filmed, tmp_path):
    lerobot = pytest.importorskip("lerobot.datasets.lerobot_dataset")
    export_lerobot(filmed, tmp_path / "out")
    dataset = lerobot.LeRobotDataset("somebody/pick_nothing", root=tmp_path / "out")
    assert (dataset.num_episodes, dataset.num_frames) == (3, 22)
    item = dataset[8]
    step = filmed.load(filmed.ids[1])[1]
    torch.testing.assert_close(item["action"], step["action"])
    expected = torch.cat([step["observation", k] for k in ("joint_position", "gripper_opening")])
    torch.testing.assert_close(item["observation.state"], expected)
    assert item["observation.images.front"].shape == (3, 48, 64)
    assert item["task"] == "pick nothing"


def test_what_cannot_be_exported_leaves_nothing(store, tmp_path, reach_spec):
    with pytest.raises(FileExistsError, match="there is something at"):
        export_lerobot(store, store.path)
    empty = EpisodeStore.create(tmp_path / "empty", SPEC)
    with pytest.raises(ValueError, match="holds no episode yet"):
        export_lerobot(empty, tmp_path / "out")
    steps = store.path / "episodes" / "00000001" / "steps"
    steps.write_bytes(steps.read_bytes()[:-1])
    with pytest.raises(ValueError, match="is truncated or damaged"):
        export_lerobot(store, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir() if "out" in p.name] == []


def test_what_we_say_of_episodes_must_fit_the_dataset(store, tmp_path):
    out = tmp_path / "out"
    export_lerobot(store, out)
    file = out / "meta" / "beachhead.json"
    own = json.loads(file.read_text())
    file.write_text(json.dumps({**own, "episodes": own["episodes"][:2]}))
    with pytest.raises(ValueError, match="tells of 2 episodes, the dataset holds 3"):
        import_recording(out, tmp_path / "back")
    file.write_text("{}")
    with pytest.raises(ValueError, match="is not as we write it"):
        import_recording(out, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    file.unlink()  # as anybody's
    back = import_recording(out, tmp_path / "back")
    assert set(back.spec.observation) >= {"joint_position", "last_command"}


def test_the_command_line_exports_and_imports(store, tmp_path, capsys):
    out, back = str(tmp_path / "out"), str(tmp_path / "back")
    main(["episodes", "export", str(store.path), out])
    main(["episodes", "import", out, back])
    said = " ".join(capsys.readouterr().out.split())
    assert "3 episodes as a LeRobotDataset v3.0" in said
    assert "3 episodes at 10 Hz" in said
    with pytest.raises(SystemExit):
        main(["episodes", "import", out, str(store.path)])
    assert "were not imported and would be lost" in capsys.readouterr().err
