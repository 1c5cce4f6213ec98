"""Tasks by their names, without anything to learn from."""

from __future__ import annotations

import argparse

from robot.simulation.task import SimulatedTask


def task_named(name: str, phi_set: str) -> SimulatedTask:
    """A task of ``datamodules`` as a scene, parameters and a test of success.

    Raises:
        ValueError: if there is no such task, or phi set; names those there are.
    """
    import datamodules

    known = {
        task.task_name: task
        for task in map(datamodules.__dict__.get, datamodules.__all__)
        if isinstance(task, type)
        and issubclass(task, datamodules.TaskDataModule)
        and hasattr(task, "task_name")
        and hasattr(task, "scene")
    }
    if name not in known:
        raise ValueError(f"unknown task {name!r}; there are {', '.join(sorted(known))}")
    sources: dict[str, datamodules.Source] = {"rollouts": datamodules.Rollouts()}
    made = known[name]
    return made(phi_set, sources)


def add_task(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Arguments that name a task and where its parameters are drawn from."""
    parser.add_argument("--task", default=default, help="of datamodules, such as pick_banana")
    parser.add_argument("--phi-set", default="point")
    parser.add_argument("--seed", type=int, default=0)
