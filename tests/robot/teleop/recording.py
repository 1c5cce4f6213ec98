"""Recordings of a hand that picks the banana, in the arm's own time, for tests."""

from contextlib import contextmanager

import numpy as np
from hands import Hand

from datamodules import PickBanana, Rollouts
from robot.arm_session import arm_session
from robot.episodes import EpisodeStore
from robot.station import Station
from robot.teleop.driving import RATE, Driving
from robot.teleop.session import TeleopSession
from robot.teleop.teleoperated_env import TeleoperatedEnv
from robot.virtual.arm import VirtualArm
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


@contextmanager
def sessions(path):
    """``make(episodes, words)``: a session that is about to run, its hand, store and world."""
    task = PickBanana("point", {"rollouts": Rollouts()})
    with (
        served(VirtualArm(task=task)) as virtual,
        arm_session(virtual.driver(), clock=virtual.clock, rate=RATE) as loop,
    ):
        table = VirtualTabletop(virtual.world, task)
        env = TeleoperatedEnv(task, [Station(loop, table)], task.phi_set, clock=virtual.clock)

        def make(episodes, words, cameras=None):
            driving = Driving(loop, virtual.clock)
            store = EpisodeStore.open_or_create(path, task.spec)
            session = TeleopSession(env, loop, driving, "mel", store, episodes, cameras=cameras)
            return session, Picker(driving, session, words), store, virtual.world

        yield make


def record(path, episodes):
    """Records until there are so many."""
    with sessions(path) as make:
        session, *_ = make(episodes, ["keep"] * episodes)
        session.run()
