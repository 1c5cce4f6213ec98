"""Episodes that somebody drives, in the arm's own time."""

import numpy as np
import pytest
from filmed import Counting
from hands import Hand

from datamodules import PickBanana, Rollouts
from robot.arm_session import arm_session
from robot.episodes import EpisodeStore
from robot.station import Station
from robot.teleop.driving import RATE, Driving
from robot.teleop.hand_message import MessageError
from robot.teleop.session import TeleopSession
from robot.teleop.teleoperated_env import TeleoperatedEnv
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault
from robot.virtual.served import served
from robot.virtual.tabletop import VirtualTabletop


class Picker(Hand):
    """A hand that picks the banana of every episode, and says what the test wants it to say."""

    def __init__(self, driving, session, words):
        super().__init__(driving)
        self.session, self.words = session, list(words)
        self.since = self.at = None

    def cycle(self):
        state, now = self.session.state, self.driving.clock.now()
        if state.phase in ("ready", "driving"):
            if self.since is None:
                self.since, self.start = now, np.array(state.gripper)
                self.position = np.zeros(3)
            self.lead(now - self.since, np.array(state.position[0]))
        else:
            self.held, self.velocity, self.since = False, np.zeros(3), None
            if state.phase == "deciding" and self.words:
                self.session.say(self.words.pop(0), "a note")
        super().cycle()

    def lead(self, seconds, banana):
        """Above it, down, close, up: twice as far as the gripper is to go."""
        self.held, self.opening = True, 0.0 if seconds > 4.5 else 1.0
        low = np.array([banana[0], banana[1], 0.02]) - self.start
        high = low + np.array([0, 0, 0.18])
        places = {0: np.zeros(3), 2: high, 4: low, 5: low, 7: high, 60: high}
        times = list(places)
        went = [np.interp(seconds, times, [p[i] for p in places.values()]) for i in range(3)]
        self.position = 2 * np.array(went)


@pytest.fixture
def recorded(tmp_path):
    """``recorded(episodes, words)``: a session that is about to run, its hand, store and world."""
    task = PickBanana("point", {"rollouts": Rollouts()})
    with (
        served(VirtualArm(task=task)) as virtual,
        arm_session(virtual.driver(), clock=virtual.clock, rate=RATE) as loop,
    ):
        table = VirtualTabletop(virtual.world, task)
        env = TeleoperatedEnv(task, [Station(loop, table)], task.phi_set, clock=virtual.clock)

        def make(episodes, words, cameras=None):
            driving = Driving(loop, virtual.clock)
            store = EpisodeStore.open_or_create(tmp_path / "banana", task.spec)
            session = TeleopSession(env, loop, driving, "mel", store, episodes, cameras=cameras)
            return session, Picker(driving, session, words), store, virtual.world

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
