"""Episodes that somebody drives, in the arm's own time."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
from filmed import Counting
from recording import record, sessions

from robot.episode_check import check_episode
from robot.episodes import EpisodeStore
from robot.teleop.hand_message import MessageError
from robot.virtual.faults import ServoFault


@pytest.fixture
def recorded(tmp_path):
    with sessions(tmp_path / "banana") as make:
        yield make


def test_what_is_kept_is_what_was_done(recorded):
    session, _, store, _ = recorded(1, ["keep"])
    session.run()
    assert session.state.phase == "over"
    episode, info = store.load(store.ids[0]), store.info(store.ids[0])
    assert info.success
    assert info.operator == "mel"
    assert info.notes == "a note"
    assert info.human_s == pytest.approx(len(episode) / 10)
    assert episode["next", "terminated"].flatten().tolist() == [False] * (len(episode) - 1) + [True]
    # Its actions are the commands it was on its way to when the step ended.
    after = episode["observation", "last_command"][1:]
    np.testing.assert_allclose(episode["action"][:-1].numpy(), after.numpy())
    assert episode["next", "reward"].sum() == 1


def test_what_is_thrown_away_is_done_again_with_the_same_task(recorded):
    session, hand, store, _ = recorded(1, ["discard", "keep"])
    places = []
    say = session.say
    session.say = lambda *words: (places.append(session.state.place), say(*words))
    session.run()
    assert places[0] == places[1]
    assert len(store) == 1
    assert not hand.words


def test_a_recording_goes_on_where_it_was(recorded):
    session, _, store, _ = recorded(1, ["keep"])
    session.run()
    session, hand, store, _ = recorded(2, ["keep"])
    session.run()
    assert len(store) == 2
    assert not hand.words
    assert store.info(store.ids[0]).phi != store.info(store.ids[1]).phi


def test_what_a_camera_sees_is_kept_too(recorded):
    session, _, store, _ = recorded(1, ["keep"], {"front": Counting(), "top": Counting(5)})
    session.run()
    films = store.films(store.ids[0])
    assert set(films) == {"front", "top"}
    assert len(films["top"].stamps) == 5
    assert "camera top: the film ends early: it fell down" in session.state.trouble


def test_what_a_full_disk_does_not_take_can_be_kept_when_there_is_room(recorded, monkeypatch):
    session, hand, store, _ = recorded(1, ["keep", "keep"])
    append, refused = EpisodeStore.append, []

    def full(self, *args):
        if not refused:
            refused.append(OSError("no space left"))
            raise refused[0]
        assert session.state.trouble == "no space left"
        return append(self, *args)

    monkeypatch.setattr(EpisodeStore, "append", full)
    session.run()
    assert len(store) == 1
    assert not hand.words


def test_a_fault_loses_its_episode_and_no_other_and_is_told(recorded):
    session, hand, store, world = recorded(1, ["keep"])
    lead, done = hand.lead, []

    def suffer(seconds, banana):
        if seconds > 3 and not done:
            done.append(world.ask("suffer", ServoFault(6, "overloaded")))
        lead(seconds, banana)

    hand.lead = suffer
    assert not session.one_episode()
    assert "servo 6" in session.state.trouble
    assert len(store) == 0
    assert session.one_episode()  # it was brought back
    assert len(store) == 1
    assert session.state.trouble == ""


def test_what_says_nothing_now_is_refused(recorded):
    session, _, _, _ = recorded(1, [])
    with pytest.raises(MessageError, match="'jump' is no word; there are start, success, failure"):
        session.say("jump")
    with pytest.raises(MessageError, match="keep is said while deciding, it is putting"):
        session.say("keep")


@pytest.mark.slow
def test_killed_in_the_seventh_episode_six_are_whole_and_the_seventh_is_made_anew(tmp_path):
    path = tmp_path / "banana"
    process = multiprocessing.get_context("spawn").Process(target=record, args=(path, 8))
    process.start()
    while not (path / "metadata.json").exists() or len(EpisodeStore.open(path)) < 6:
        assert process.is_alive()
        time.sleep(0.1)
    time.sleep(1.0)  # it is being driven, or put
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    store = EpisodeStore.open(path)
    assert store.ids == list(range(6))
    before = {i: store.load(i).clone() for i in store.ids}
    record(path, 7)
    assert store.ids == list(range(7))
    for i in store.ids:
        check_episode(store.load(i), store.spec)
        assert i == 6 or (store.load(i) == before[i]).all()
    phis = [tuple(store.info(i).phi.values()) for i in store.ids]
    assert len(set(phis)) == 7  # the seventh has its own place, as if nothing had happened
