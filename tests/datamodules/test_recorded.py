"""Recordings without a scene are a task like any other."""

import pytest

from datamodules.recorded import RecordedTask
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore


@pytest.fixture
def store(tmp_path, reach_spec, make_episode):
    store = EpisodeStore.create(tmp_path / "reach", reach_spec)
    for seed in range(4):
        store.append(make_episode(20, seed), EpisodeInfo("Ada", success=True, human_s=2.0))
    return store


def test_joints_rate_and_fields_are_those_of_the_recording(store, reach_spec):
    assert RecordedTask(store=store.path).spec == reach_spec


def test_an_episode_can_be_held_out_by_its_id(store, reach_spec):
    task = RecordedTask(store=store.path, validation=[2])
    source = task.sources["demonstrations"]
    source.setup(task.spec, 2, 4, seed=0, rank=0, world_size=1)
    assert (source.train_ids, source.validation_ids) == ([0, 1, 3], [2])


def test_a_task_without_recordings_says_what_it_needs():
    with pytest.raises(ValueError, match=r"needs 'lerobot'.* or 'store'"):
        RecordedTask()


def test_a_missing_recording_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="no episode store at"):
        RecordedTask(store=tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="no LeRobotDataset at"):
        RecordedTask(lerobot=tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
