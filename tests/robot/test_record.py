import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datamodules import Demonstrations, PickBanana
from robot.episodes import EpisodeStore
from robot.record import record

ROOT = Path(__file__).parents[2]
RECORD = """
import sys, torch
from datamodules import Demonstrations, PickBanana
from robot.record import record
torch.set_num_threads(1)
task = PickBanana("point", {"demonstrations": Demonstrations(sys.argv[1])})
record(task, task.plan(), task.phi_set, sys.argv[1], int(sys.argv[2]), seed=0)
"""


def pick_banana(path):
    return PickBanana("point", {"demonstrations": Demonstrations(path)})


def test_killed_while_recording_every_finished_episode_is_readable_and_it_goes_on(tmp_path):
    path = tmp_path / "store"
    process = subprocess.Popen([sys.executable, "-c", RECORD, str(path), "1000"], cwd=ROOT)
    deadline = time.monotonic() + 60
    while len(list(path.glob("episodes/0*"))) < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    store = EpisodeStore.open(path)
    finished = store.ids
    assert 5 <= len(finished) < 1000
    n = len(finished) + 3
    task = pick_banana(path)
    record(task, task.plan(), task.phi_set, path, n, seed=0)
    never_killed = record(task, task.plan(), task.phi_set, tmp_path / "whole", n, seed=0)
    assert store.ids == never_killed.ids == list(range(n))
    for i in store.ids:
        assert store.info(i) == never_killed.info(i)
        assert (store.load(i) == never_killed.load(i)).all()


def test_two_that_record_into_one_store_record_nothing_twice(tmp_path):
    command = [sys.executable, "-c", RECORD, str(tmp_path / "store"), "8"]
    both = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    store = EpisodeStore.open(tmp_path / "store")
    assert sorted(store.info(i).attempt for i in store.ids) == list(range(8))


@pytest.mark.parametrize(
    ("phi_set", "seed", "sentence"),
    [
        ("near", 0, "phi_set 'point', .* with phi_set 'near'"),
        ("point", 1, "seed 0, .* with seed 1"),
    ],
)
def test_one_store_holds_draws_of_one_set_under_one_seed(tmp_path, phi_set, seed, sentence):
    task = PickBanana("point", {"demonstrations": Demonstrations(tmp_path)})
    record(task, task.plan(), task.phi_set, tmp_path, num_episodes=1, seed=0)
    with pytest.raises(ValueError, match=f"recorded with {sentence}"):
        record(task, task.plan(), task.phi_sets[phi_set], tmp_path, num_episodes=2, seed=seed)
    assert len(EpisodeStore.open(tmp_path)) == 1


def test_episodes_say_who_drove_for_how_long_and_where(tmp_path):
    task = pick_banana(tmp_path)
    store = record(task, task.plan(), task.phi_set, tmp_path, 2, seed=0)
    for i in store.ids:
        info, episode = store.info(i), store.load(i)
        assert info.operator == "scripted"
        assert info.success
        assert info.human_s == 0
        assert info.scripted_s == info.robot_s == pytest.approx(len(episode) / 10)
        assert list(info.phi.values()) == pytest.approx(episode["phi"][0].tolist())
        assert bool(episode["next", "reward"][-1] == 1)
    assert store.metadata["spec"]["task"] == "pick_banana"


def test_an_operator_that_cannot_do_it_is_reported(tmp_path):
    task = pick_banana(tmp_path)
    with pytest.raises(RuntimeError, match=r"solved 0 of .* attempts at 'pick_banana'"):
        record(task, lambda observation: [], task.phi_set, tmp_path, 4, seed=0)
    assert not EpisodeStore.open(tmp_path).ids
