"""Episodes that somebody drives: things are put in place, the arm is driven, the episode is kept.

    putting -> ready -> driving -> deciding -> putting ...

``ready`` until the clutch is pressed; ``driving`` until the task is done, or somebody says that it
is, or is not. What is kept is written at once, whole; a session that is begun again goes on with
the episode that is missing.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.arm_errors import ArmError
from robot.cameras.camera import Camera
from robot.cameras.filming import Filming
from robot.episode_edit import ended
from robot.episode_info import SCRIPTED, EpisodeInfo
from robot.episodes import EpisodeStore
from robot.film import Film
from robot.forward_kinematics import forward_kinematics
from robot.schema import ACTION, OBSERVATION
from robot.seeds import training_seed
from robot.servo_loop import ServoLoop
from robot.teleop.driving import Driving
from robot.teleop.hand_message import MessageError
from robot.teleop.teleoperated_env import TeleoperatedEnv
from robot.transition import recorded

Phase = Literal["putting", "ready", "driving", "deciding", "over"]
# What can be said in which phase.
WORDS: dict[str, tuple[Phase, ...]] = {
    "start": ("ready",),
    "success": ("driving",),
    "failure": ("driving",),
    "discard": ("driving", "deciding"),
    "keep": ("deciding",),
}
LOOK = 0.02  # s between two looks at whether something was said
LONGEST_NOTES = 500  # characters


@dataclass(frozen=True)
class SessionState:
    """What is going on.

    Attributes:
        phase: of the episode.
        episode: its number, from 0.
        episodes: how many there are to be; None if any.
        seconds: that it has lasted.
        success: whether it succeeded, once that is known.
        place: task parameters, for a person to read.
        marks: where objects are to be put: x and y (m) and yaw (rad) of each.
        position: of each object, as it is seen, m.
        rotation: of each, its matrix' first two columns, as in the schema.
        gripper: where the grasp point is, m.
        trouble: what went wrong last; empty if nothing did.
    """

    phase: Phase
    episode: int
    episodes: int | None
    seconds: float = 0.0
    success: bool | None = None
    place: str = ""
    marks: tuple[tuple[float, ...], ...] = ()
    position: tuple[tuple[float, ...], ...] = ()
    rotation: tuple[tuple[float, ...], ...] = ()
    gripper: tuple[float, ...] = ()
    trouble: str = ""


class TeleopSession:
    """One arm, driven by whoever holds the clutch.

    Args:
        env: the arm and its table.
        loop: that drives the arm.
        driving: that follows the hand.
        operator: who drives, as episodes have it.
        store: where episodes are kept; they are not, if None.
        episodes: how many the store holds in the end; any number, if None.
        seed: of the task parameters, which the environment's phi set is asked for.
        cameras: that are filmed while episodes last, by name.
    """

    def __init__(
        self,
        env: TeleoperatedEnv,
        loop: ServoLoop,
        driving: Driving,
        operator: str,
        store: EpisodeStore | None = None,
        episodes: int | None = None,
        seed: int = 0,
        cameras: Mapping[str, Camera] | None = None,
    ) -> None:
        self.driving = driving
        self._cameras = cameras or {}
        self._env, self._loop, self._operator = env, loop, operator
        self._store, self._seed = store, seed
        self._phi: dict[str, float] = {}
        self._made = 0  # episodes that were ended, where none is kept
        self._said: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.state = SessionState("putting", 0, episodes)

    def say(self, word: str, notes: str = "") -> None:
        """Says what is to become of the episode.

        Raises:
            MessageError: if that says nothing now.
        """
        if word not in WORDS:
            raise MessageError(f"{word!r:.60} is no word; there are {', '.join(WORDS)}")
        if self.state.phase not in WORDS[word]:
            phases = " or ".join(WORDS[word])
            raise MessageError(f"{word} is said while {phases}, it is {self.state.phase}")
        self._said.put((word, notes[:LONGEST_NOTES]))

    def run(self) -> None:
        """Goes on until there are as many episodes as there are to be, or forever.

        Raises:
            ArmError: if the arm does not work any more.
        """
        while self.state.episodes is None or self._number() < self.state.episodes:
            self.one_episode()
        self.state = replace(self.state, phase="over", episode=self._number())

    def one_episode(self) -> bool:
        """Has one episode driven; whether it was kept.

        Raises:
            ArmError: if the arm does not work any more.
        """
        now = self._put()
        with ExitStack() as opened:
            try:
                self.driving.start()
                self._wait("ready", lambda: self.driving.state.held)
                filmings = {name: self._film(name, opened) for name in self._cameras}
                steps, word = self._drive(now)
            except ArmError as error:  # the arm is brought back, or not, when things are put next
                self.state = replace(self.state, trouble=f"not kept: {error}")
                return False
            finally:
                self.driving.end()
            films = {name: filming.end() for name, filming in filmings.items()}
            self.state = replace(self.state, trouble=_troubles(filmings))
            return self._decide(steps, word, {k: film for k, film in films.items() if film})

    def _film(self, camera: str, opened: ExitStack) -> Filming:
        filming = Filming(self._cameras[camera], self._env.task.spec.rate)
        opened.callback(filming.close)
        return filming

    def _decide(self, steps: list[TensorDict], word: str, films: dict[str, Film]) -> bool:
        """Has it decided whether an episode is kept; whether it was."""
        episode = cast("TensorDict", TensorDict.stack(steps))
        success = word == "success" or bool(episode["next", "terminated"][-1])
        self._made += self._store is None
        self.state = replace(self.state, success=success)
        if self._store is None or word == "discard":
            return False
        while True:
            word, notes = self._wait("deciding")
            if word != "keep":
                return False
            try:
                info = self._info(episode, success, notes)
                self._store.append(ended(episode, success), info, films)
            except OSError as error:  # whoever makes room can keep it yet
                self.state = replace(self.state, trouble=str(error))
            else:
                return True

    def _number(self) -> int:
        return self._made if self._store is None else len(self._store)

    def _put(self) -> TensorDictBase:
        """Has things in place and the arm at home; what is seen then."""
        number, task = self._number(), self._env.task
        drawn = torch.Generator().manual_seed(training_seed(self._seed, number))
        phi = self._env.phi_set.sample(1, drawn)
        self._phi = dict(zip(task.phi_space.names, phi[0].tolist(), strict=True))
        self.state = SessionState(
            "putting",
            number,
            self.state.episodes,
            place=", ".join(f"{name} {value:.3f}" for name, value in self._phi.items()),
            marks=_marks(task.place(phi)[0]),
            trouble=self.state.trouble,
        )
        now = self._env.reset(phi=phi)
        if not self._env.working.all():
            raise ArmError(self._env.trouble)
        self._see(now)
        return now

    def _wait(self, phase: Phase, until: Callable[[], bool] = bool) -> tuple[str, str]:
        """Waits for a word that says something in this phase, and its notes.

        Args:
            phase: that begins.
            until: ends the waiting, too; the word is empty then.
        """
        self.state = replace(self.state, phase=phase)
        while not until():
            if phase == "ready":
                self._loop.check()
            word, notes = self._heard()
            if word:
                return word, notes
            self._env.clock.sleep(LOOK)
        return "", ""

    def _heard(self) -> tuple[str, str]:
        """The next word that says something now, and its notes; empty if there is none."""
        while not self._said.empty():
            word, notes = self._said.get()
            if self.state.phase in WORDS[word]:  # else it came twice, or too late
                return word, notes
        return "", ""

    def _drive(self, now: TensorDictBase) -> tuple[list[TensorDict], str]:
        """Notes step after step until the episode is over; the word that ended it."""
        self.state = replace(self.state, phase="driving")
        steps, word, going = list[TensorDict](), "", torch.ones(1, dtype=torch.bool)
        while not word:
            now.update({ACTION: now.get((OBSERVATION, "last_command")), "_step": going.clone()})
            now = self._env.step(now)
            if bool(self._env.aborted[0]):
                raise ArmError(self._env.trouble)
            steps.append(recorded(now)[0])
            self.state = replace(self.state, seconds=len(steps) * self._env.period)
            after: TensorDictBase = now.get("next")
            if bool(after.get("done")):
                break
            now = after.select(*self._env.observation_spec.keys())
            self._see(now)
            word, _ = self._heard()
        return steps, word

    def _see(self, now: TensorDictBase) -> None:
        seen: TensorDictBase = now.get(OBSERVATION)[0]
        there = seen.get("object_mask") > 0
        gripper, _ = forward_kinematics(self._env.arm, seen.get("joint_position"))
        self.state = replace(
            self.state,
            position=_rows(seen.get("object_position")[there]),
            rotation=_rows(seen.get("object_rotation")[there]),
            gripper=tuple(gripper.tolist()),
        )

    def _info(self, episode: TensorDict, success: bool, notes: str) -> EpisodeInfo:
        seconds = len(episode) * self._env.period
        scripted = self._operator == SCRIPTED
        return EpisodeInfo(
            operator=self._operator,
            success=success,
            phi=self._phi,
            human_s=0.0 if scripted else seconds,
            scripted_s=seconds if scripted else 0.0,
            robot_s=seconds,
            notes=notes,
        )


def _troubles(filmings: Mapping[str, Filming]) -> str:
    return "; ".join(f"camera {k}: {v.trouble}" for k, v in filmings.items() if v.trouble)


def _rows(values: Tensor) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.flatten(1).tolist())


def _marks(places: Tensor) -> tuple[tuple[float, ...], ...]:
    """x, y and yaw of places ``[N, 7]``."""
    w, x, y, z = places[:, 3:].unbind(-1)
    yaw = torch.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return _rows(torch.stack([places[:, 0], places[:, 1], yaw], dim=-1))
