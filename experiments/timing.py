"""Times alternatives side by side, so that ratios hold on a machine that others use too.

What is measured is CPU time of this process: waiting for a core that others hold does not count.
With one thread and an idle machine it is the time that a clock on the wall shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any


def interleaved(
    calls: Mapping[str, Callable[[], Any]], rounds: int = 7, seconds: float = 0.1
) -> dict[str, float]:
    """CPU seconds a call of each alternative, A B A B ..., the best round of each.

    Args:
        calls: alternatives by name.
        rounds: how often each gets its turn.
        seconds: length of a turn, about equal for all: a short one would find quiet moments that
            a long one does not.
    """
    repeats: dict[str, int] = {}
    for name, call in calls.items():
        call()  # the first call may allocate or compile
        repeats[name] = max(1, round(seconds / max(_time(call, 1), 1e-7)))
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], _time(call, repeats[name]))
    return best


def _time(call: Callable[[], Any], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats
