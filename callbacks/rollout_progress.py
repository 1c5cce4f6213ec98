"""A progress bar for rollouts, which appears once they take more than a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from lightning import Trainer
from lightning.pytorch.callbacks import RichProgressBar
from rich.console import Console
from rich.progress import Progress

PATIENCE = 3.0  # s


@contextmanager
def rollout_progress(
    trainer: Trainer, episodes: int
) -> Generator[Callable[[int], None], None, None]:
    """Shows how many of ``episodes`` are done; yields a function that adds finished ones.

    A terminal has one live display: where RichProgressBar holds it, this is one more bar in it.
    """
    bar = trainer.progress_bar_callback
    if isinstance(bar, RichProgressBar) and bar.progress is not None:
        with _task_of(bar.progress, episodes) as advance:
            yield advance
        return
    console = Console(stderr=True)
    quiet = not (console.is_terminal and trainer.is_global_zero)
    with (
        Progress(console=console, transient=True, disable=quiet) as progress,
        _task_of(progress, episodes) as advance,
    ):
        yield advance


@contextmanager
def _task_of(progress: Progress, episodes: int) -> Generator[Callable[[int], None], None, None]:
    task = progress.add_task("Rollouts", total=episodes, visible=False)
    start = time.monotonic()

    def advance(finished: int) -> None:
        progress.update(task, advance=finished, visible=time.monotonic() - start > PATIENCE)
        progress.refresh()

    try:
        yield advance
    finally:
        progress.remove_task(task)
