"""Driven arms as one TorchRL environment: what rolls a policy out sees no other than simulated."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, cast

import torch
from tensordict import TensorDict, TensorDictBase
from torch import Tensor

from robot.arm_errors import ArmError
from robot.arm_session import go
from robot.batch_env import BatchEnv
from robot.cameras.filming import Filming
from robot.clock import Clock, MachineClock
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.forward_kinematics import forward_kinematics
from robot.observation import observe
from robot.phi import PhiSet
from robot.schema import (
    ACTION,
    COMMAND_TIME,
    OBSERVATION,
    OBSERVATION_TIME,
    PHI,
    observation_shapes,
)
from robot.servo_loop import together
from robot.simulation.task import SimulatedTask
from robot.station import LOOK, Station
from robot.transition import recorded

_LOG = logging.getLogger(__name__)
POLICY = "policy"  # the operator of its episodes
CAMERA = "front"  # as episodes call its film


class ArmEnv(BatchEnv):
    """As :class:`robot.simulation.environment.SimulatedArmEnv`, of arms that are driven.

    Episodes begin with the arm at home and things where phi wants them. A step lasts as long as the
    task's rate says, for all arms at the same time; those that rest hold. A fault ends the episode
    of its arm alone (``aborted``); at the next reset the arm is brought back, and if it does not
    come it is left out until it does.

    Args:
        task: names, parameters and time limit.
        stations: the arms, all of one kind.
        phi_set: where task parameters are drawn from; may be replaced at any time.
        seed: of the draws.
        clock: tells the time.
        store: that every episode is added to when it ends; none is kept if None.

    Raises:
        ValueError: if there is no station, or arms differ.
    """

    def __init__(
        self,
        task: SimulatedTask,
        stations: Sequence[Station],
        phi_set: PhiSet,
        seed: int = 0,
        clock: Clock | None = None,
        store: EpisodeStore | None = None,
    ) -> None:
        kinds = {station.loop.arm.description.name for station in stations}
        if len(kinds) != 1:
            raise ValueError(f"an environment is of one kind of arm, {len(kinds)} are given")
        arm, n = stations[0].loop.arm.description, len(stations)
        shapes, limits = observation_shapes(len(arm.joints)), (arm.action_low, arm.action_high)
        super().__init__(n, task.phi_space, phi_set, shapes, limits, seed)
        self.task, self.arm = task, arm
        self.clock = clock or MachineClock()
        self.period = 1.0 / task.spec.rate
        self.max_steps = task.max_steps
        self._stations = list(stations)
        self._store = store
        self._kept: list[list[TensorDictBase]] = [[] for _ in stations]
        self._filmings: dict[int, Filming] = {}
        self._goal = torch.zeros(n, task.goal(self._phi).shape[1])
        self._held = torch.zeros(n, dtype=torch.long)
        self.aborted: Tensor = torch.zeros(n, dtype=torch.bool)  # of the running episodes
        self._command_time = torch.zeros(n, 1, dtype=torch.float64)

    @property
    def working(self) -> Tensor:
        """Arms on which an episode can be made, bool ``[num_envs]``."""
        return torch.tensor([station.works for station in self._stations])

    @property
    def trouble(self) -> str:
        """What went wrong last, of each arm."""
        last = [(station.log.faults or ["nothing"])[-1] for station in self._stations]
        return "; ".join(last)

    def metrics(self) -> dict[str, float]:
        """What the arms have been through so far, all together: see ``StationLog``."""
        found: dict[str, float] = {
            "arms": float(self.num_envs),
            "working": float(self.working.sum()),
        }
        for station in self._stations:
            for name, value in station.log.metrics().items():
                found[name] = found.get(name, 0.0) + value
        return found

    @property
    def physics_state(self) -> Tensor:
        """What is known of it, for drawing: joints and fingers, ``[num_envs, J + 2]``."""
        measured = torch.stack([station.loop.state.position for station in self._stations])
        finger = measured[:, -1:] / 2
        return torch.cat([measured[:, :-1], finger, finger], dim=1).double()

    def _reset(self, tensordict: TensorDictBase | None, **kwargs: Any) -> TensorDictBase:
        rows = self._rows(tensordict, "_reset")
        drawn = self.phi_set.sample(self.num_envs, self._generator)
        phi = kwargs.get("phi", drawn).to(torch.float32)
        home = self.arm.home_command
        start: Tensor = kwargs.get("start", torch.tensor(home).expand(self.num_envs, -1))
        self.aborted &= ~rows
        going = rows.nonzero().squeeze(-1).tolist()
        self._rest(going)
        put = {i: self._put(self._stations[i], phi[i]) for i in going}
        self._go({i: start[i].tolist() for i in going if self._stations[i].works})
        for i in going:
            self._begin(i, phi[i], put[i])
        self._phi[rows] = phi[rows]
        self._goal[rows] = self.task.goal(phi)[rows]
        self._steps[rows], self._held[rows] = 0, 0
        return self._observe()

    def _go(self, poses: dict[int, list[float]]) -> None:
        """Drives arms to poses side by side, or one by one if one fails, which is brought back."""
        try:
            if poses:
                go([self._stations[i].loop for i in poses], list(poses.values()), self.clock)
        except ArmError:
            for i, pose in poses.items():
                station = self._stations[i]
                station.revive(self.clock)
                if not station.works:
                    continue
                try:
                    go([station.loop], [pose], self.clock)
                except ArmError as error:
                    station.give_up(error, self.clock)

    def _rest(self, going: Sequence[int]) -> None:
        """Has arms rest that should; the others wait."""
        for i in going:
            station = self._stations[i]
            if why := station.tired(self.clock.now()):
                _LOG.warning("arm %d rests: %s", i, why)
                try:
                    station.lie_down(self.clock)
                except ArmError as error:
                    station.abort(error)
        while not all([self._stations[i].rested(self.clock.now()) for i in going]):
            self.clock.sleep(LOOK)

    def _put(self, station: Station, phi: Tensor) -> bool:
        """Has an arm put its things in place itself, if it works and can; whether it did."""
        station.revive(self.clock)
        try:
            return station.works and station.put(phi)
        except ArmError as error:
            station.abort(error)
            station.revive(self.clock)
            return False

    def _begin(self, i: int, phi: Tensor, put: bool) -> None:
        """Has the things of an arm in place, whoever puts them there."""
        station = self._stations[i]
        self._command_time[i] = self.clock.now()
        self._kept[i] = []
        self._film_no_more(i)
        if not station.works:
            self.aborted[i] = True
            return
        try:
            station.begin(phi, put)
            if station.filmed is not None and self._store is not None:
                self._filmings[i] = Filming(station.filmed, self.task.spec.rate)
        except ArmError as error:
            station.give_up(error, self.clock)
            self.aborted[i] = True

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        moving = self._rows(tensordict, "_step")
        begun = self.clock.now()
        acting = moving & ~self.aborted
        for i in acting.nonzero().squeeze(-1).tolist():
            self._command_time[i] = begun
            try:
                self._command(i, tensordict[ACTION][i].float())
            except ArmError as error:
                self._abort(i, error)
        loops = [station.loop for station in self._stations]
        together(loops, self.clock, begun + self.period, strict=False)
        for i in acting.nonzero().squeeze(-1).tolist():
            self._look(i)
        self._steps += moving
        reached = torch.tensor(
            [bool(m) and s.tabletop.success(s.loop.state) for m, s in self._which(acting)]
        )
        self._held = torch.where(moving, (self._held + 1) * reached, self._held)
        succeeded = (self._held >= self.task.hold_steps) & moving & ~self.aborted
        out = self._observe()
        out.set("reward", succeeded.float()[:, None])
        out.set("terminated", succeeded[:, None])
        over = ((self._steps >= self.max_steps) | self.aborted) & moving & ~succeeded
        out.set("truncated", over[:, None])
        out.set("done", out["terminated"] | out["truncated"])
        self._keep(tensordict, out, moving & ~self.aborted)
        return out

    def _command(self, i: int, action: Tensor) -> None:
        """Has an arm follow an action ``[A]`` during a step."""
        self._stations[i].loop.follow(action, self.period)

    def _look(self, i: int) -> None:
        """Looks at an arm's table, if the arm is well."""
        station = self._stations[i]
        try:
            station.loop.check()
            station.tabletop.observe(station.loop.state)
        except ArmError as error:
            self._abort(i, error)

    def _abort(self, i: int, error: ArmError) -> None:
        if not self.aborted[i]:
            self._stations[i].abort(error)
        self.aborted[i] = True

    def _keep(self, before: TensorDictBase, after: TensorDict, moving: Tensor) -> None:
        """Notes the step of every arm that moved; an episode that ends with it is stored."""
        store = self._store
        step = recorded(before.select(*self.observation_spec.keys()).set("next", after))
        for i in moving.nonzero().squeeze(-1).tolist():
            log = self._stations[i].log
            log.robot_s += self.period
            log.episodes += int(after["done"][i])
            if store is None:
                continue
            self._kept[i].append(step[i])
            if not after["done"][i]:
                continue
            episode = cast("TensorDict", TensorDict.stack(self._kept[i]))
            info = EpisodeInfo(
                operator=POLICY,
                success=bool(after["terminated"][i]),
                phi=dict(zip(self.task.phi_space.names, self._phi[i].tolist(), strict=True)),
                robot_s=len(episode) / self.task.spec.rate,
            )
            film = self._filmings[i].end() if i in self._filmings else None
            store.append(episode, info, {} if film is None else {CAMERA: film})
            self._kept[i] = []
            self._film_no_more(i)

    def _film_no_more(self, i: int) -> None:
        """Throws away what was filmed of an arm."""
        if i in self._filmings:
            self._filmings.pop(i).close()

    def close(self, *, raise_if_closed: bool = False) -> None:
        """Nothing: arms are let go of by their session, not by who rolls out."""

    def _which(self, moving: Tensor) -> list[tuple[bool, Station]]:
        return list(zip(moving.tolist(), self._stations, strict=True))

    def _observe(self) -> TensorDict:
        return cast("TensorDict", TensorDict.cat([self._seen_by(i) for i in range(self.num_envs)]))

    def _seen_by(self, i: int) -> TensorDict:
        loop, tabletop = self._stations[i].loop, self._stations[i].tabletop
        state = loop.state
        joints = state.position[None, :-1]
        observation = observe(
            joints,
            state.velocity[None, :-1],
            state.position[None, -1:],
            forward_kinematics(self.arm, joints),
            loop.sent[None],
            tabletop.objects(),
            self._goal[i : i + 1],
        )
        return TensorDict(
            {
                OBSERVATION: observation,
                PHI: self._phi[i : i + 1].clone(),
                OBSERVATION_TIME: torch.tensor([[state.stamp]], dtype=torch.float64),
                COMMAND_TIME: self._command_time[i : i + 1].clone(),
            },
            batch_size=[1],
        )
