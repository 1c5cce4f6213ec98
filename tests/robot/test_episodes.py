"""The episode store keeps what it says it has, whatever happens to its writers."""

import json
import multiprocessing
import os
import signal
import subprocess
import time

import pytest
import torch

from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore

INFO = EpisodeInfo("scripted", success=True, phi={"x": 0.1}, scripted_s=2.0, robot_s=2.0, seed=7)
fork = multiprocessing.get_context("fork")


@pytest.fixture
def store(tmp_path, reach_spec):
    return EpisodeStore.create(tmp_path / "reach", reach_spec, operator_version=3)


def test_an_episode_comes_back_as_it_was_appended(store, make_episode):
    episode = make_episode(9)
    number = store.append(episode, INFO)
    loaded = EpisodeStore.open(store.path).load(number)
    assert loaded.batch_size == episode.batch_size
    for key in episode.keys(True, True):
        assert loaded[key].dtype == episode[key].dtype
        assert torch.equal(loaded[key], episode[key])
    assert store.info(number) == INFO
    assert store.num_steps(number) == 9


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 96 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", folder])
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # what was mapped is let go later


def test_a_full_disk_is_said_and_loses_nothing(small_disk, reach_spec, make_episode):
    store = EpisodeStore.create(small_disk / "reach", reach_spec)

    def fill():
        for seed in range(20):
            store.append(make_episode(100, seed), INFO)

    with pytest.raises(OSError, match=r"cannot be written to .* are whole: .*No space left"):
        fill()
    kept = EpisodeStore.open(store.path)
    assert 1 < len(kept) < 20
    assert kept.ids == list(range(len(kept)))
    for seed in kept.ids:
        torch.testing.assert_close(kept.load(seed)["action"], make_episode(100, seed)["action"])
    assert [entry.name for entry in (store.path / "episodes").glob(".*")] == []
    kept.delete(0)  # makes room
    assert kept.append(make_episode(50), INFO) >= len(kept)


def test_the_metadata_says_what_was_recorded(store, reach_spec):
    opened = EpisodeStore.open(store.path)
    assert opened.spec == reach_spec
    assert opened.metadata["units"]["observation_time"] == "s"
    assert opened.metadata["provenance"] == {"operator_version": 3}
    assert set(opened.metadata["software"]) == {"beachhead"}


def test_ids_count_up_and_are_not_given_out_twice(store, make_episode):
    import shutil

    assert [store.append(make_episode(3), INFO) for _ in range(3)] == [0, 1, 2]
    shutil.rmtree(store.path / "episodes" / "00000002")
    assert store.append(make_episode(3), INFO) == 3
    assert store.ids == [0, 1, 3]


def test_seconds_are_counted_by_who_moved_the_arm(store, make_episode):
    store.append(make_episode(3), INFO)
    store.append(make_episode(3), EpisodeInfo("Ada", success=True, human_s=5.0, robot_s=4.0))
    assert store.total_seconds() == {"human": 5.0, "scripted": 2.0, "robot": 6.0}


def test_a_scripted_operator_has_no_human_seconds():
    with pytest.raises(ValueError, match=r"scripted operator cannot take 1\.0 s"):
        EpisodeInfo("scripted", success=True, human_s=1.0)


def append_forever(path, episode):
    torch.set_num_threads(1)
    store = EpisodeStore.open(path)
    while True:
        store.append(episode, INFO)


def test_killed_while_appending_every_finished_episode_is_readable(store, make_episode):
    episode = make_episode(40)
    for _ in range(5):
        before = len(store)
        writer = fork.Process(target=append_forever, args=(store.path, episode))
        writer.start()
        deadline = time.monotonic() + 20
        while len(store) < before + 4 and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        reopened = EpisodeStore.open(store.path)
        assert len(reopened) >= before + 4
        assert os.listdir(store.path / "episodes") == [
            name for name in os.listdir(store.path / "episodes") if name.isdigit()
        ]
    assert reopened.ids == list(range(len(reopened)))
    for number in reopened.ids:
        assert torch.equal(reopened.load(number)["action"], episode["action"])
        assert reopened.info(number) == INFO


def append_and_hang_before_the_rename(path, episode, ready):
    torch.set_num_threads(1)
    os.rename = lambda *_: (ready.set(), time.sleep(60))
    EpisodeStore.open(path).append(episode, INFO)


def test_half_an_episode_is_ignored_and_removed_only_when_its_writer_is_dead(store, make_episode):
    store.append(make_episode(3), INFO)
    ready = fork.Event()
    writer = fork.Process(
        target=append_and_hang_before_the_rename, args=(store.path, make_episode(5), ready)
    )
    writer.start()
    assert ready.wait(20)
    assert EpisodeStore.open(store.path).ids == [0]
    assert len(os.listdir(store.path / "episodes")) == 2, "its writer is at work"
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert EpisodeStore.open(store.path).ids == [0]
    assert os.listdir(store.path / "episodes") == ["00000000"]
    assert store.append(make_episode(3), INFO) == 1


def append_some(path, episodes):
    torch.set_num_threads(1)
    store = EpisodeStore.open(path)
    for episode in episodes:
        store.append(episode, INFO)


def test_two_writers_lose_nothing(store, make_episode):
    writers = [
        fork.Process(
            target=append_some,
            args=(store.path, [make_episode(4 + seed, seed) for seed in range(first, first + 20)]),
        )
        for first in (0, 20)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert store.ids == list(range(40))
    assert sorted(len(store.load(i)) for i in store.ids) == [4 + seed for seed in range(40)]


def with_value(key, step, value):
    def spoil(episode):
        episode[key][step] = value
        return episode

    return spoil


BAD_EPISODES = {
    "NaN": (
        with_value(("observation", "joint_position"), 4, float("nan")),
        r"'observation/joint_position' holds a number that is not finite at step 4",
    ),
    "infinity": (
        with_value("action", 2, float("inf")),
        r"'action' holds a number that is not finite at step 2",
    ),
    "NaN in a field that no policy reads": (
        with_value("phi", 1, float("nan")),
        r"'phi' holds a number that is not finite at step 1",
    ),
    "time goes back": (
        with_value("observation_time", 3, 0.0),
        r"'observation_time' does not increase at step 3",
    ),
    "no steps": (lambda episode: episode[:0], r"T >= 1, this one has \[0\]"),
    "a batch": (lambda episode: episode[None], r"T >= 1, this one has \[1, 6\]"),
    "missing field": (
        lambda episode: episode.exclude(("observation", "last_command")),
        r"episode of task 'reach' lacks 'observation/last_command'",
    ),
    "missing outcome": (
        lambda episode: episode.exclude(("next", "truncated")),
        r"episode of task 'reach' lacks 'next/truncated'",
    ),
    "wrong shape": (
        lambda episode: episode.set("action", torch.zeros(6, 3)),
        r"'action' has shape \[6, 3\], task 'reach' expects 2 numbers for each of 6 steps",
    ),
}


@pytest.mark.parametrize("fault", BAD_EPISODES)
def test_a_faulty_episode_is_refused_in_one_sentence_and_not_written(store, make_episode, fault):
    spoil, sentence = BAD_EPISODES[fault]
    with pytest.raises(ValueError, match=sentence) as error:
        store.append(spoil(make_episode(6)), INFO)
    assert "\n" not in str(error.value)
    assert os.listdir(store.path / "episodes") == []


def test_a_store_that_is_not_there_says_how_to_record_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no episode store at .*nowhere: .*or record one"):
        EpisodeStore.open(tmp_path / "nowhere")


def test_a_store_is_not_made_over_another(store, reach_spec):
    with pytest.raises(FileExistsError, match="there is an episode store at"):
        EpisodeStore.create(store.path, reach_spec)


def test_open_or_create_refuses_another_task(store, reach_spec):
    assert EpisodeStore.open_or_create(store.path, reach_spec).path == store.path
    other = type(reach_spec).from_dict({**reach_spec.to_dict(), "rate": 20.0})
    with pytest.raises(ValueError, match=r"'reach' at 10\.0 Hz.*'reach' at 20\.0 Hz"):
        EpisodeStore.open_or_create(store.path, other)


def test_another_schema_version_is_refused(store):
    file = store.path / "metadata.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "schema_version": 99}))
    with pytest.raises(ValueError, match=r"reach has schema version 99, this software reads 2"):
        EpisodeStore.open(store.path)


@pytest.mark.parametrize("content", ["", "{", "{}", '{"schema_version": 2}', "[]"])
def test_damaged_metadata_is_one_sentence(store, content):
    (store.path / "metadata.json").write_text(content)
    with pytest.raises(ValueError, match=r"reach cannot be read .*restore it") as error:
        EpisodeStore.open(store.path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_episode_is_one_sentence_that_names_the_file(store, make_episode, keep):
    file = store.path / "episodes" / f"{store.append(make_episode(6), INFO):08d}" / "steps"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"00000000/steps is truncated or damaged .*delete"):
        store.load(0)


def test_a_flipped_bit_is_found(store, make_episode):
    file = store.path / "episodes" / f"{store.append(make_episode(6), INFO):08d}" / "steps"
    content = bytearray(file.read_bytes())
    content[10] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="truncated or damaged"):
        store.load(0)


def test_damaged_information_is_one_sentence(store, make_episode):
    store.append(make_episode(6), INFO)
    (store.path / "episodes" / "00000000" / "info.json").write_text('{"info": ')
    with pytest.raises(ValueError, match=r"info\.json is truncated or damaged"):
        store.info(0)


def test_an_unknown_id_lists_those_there_are(store, make_episode):
    store.append(make_episode(6), INFO)
    with pytest.raises(KeyError, match=r"no episode 5 in .*there are \[0\]"):
        store.load(5)
