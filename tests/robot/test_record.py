import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

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
    lengths = [len(store.load(i)) for i in finished]
    task = pick_banana(path)
    record(task, task.plan(), task.phi_set, path, len(finished) + 3, seed=0)
    assert store.ids == list(range(len(finished) + 3))
    assert [len(store.load(i)) for i in finished] == lengths
    starts = torch.stack([store.load(i)["phi"][0] for i in store.ids])
    assert len(starts.unique(dim=0)) == len(starts), "an episode was recorded twice"


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
