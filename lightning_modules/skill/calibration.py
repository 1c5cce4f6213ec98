"""Where a knob has to stand for a policy to succeed so often: bisection on rollouts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from robot.success_rate import SuccessRate

TOLERANCE = 0.05
NEAR = 1.2  # of what was tried, this near to the target in log-odds of success counts for a line


@dataclass(frozen=True)
class Setting:
    """A value of a knob and the success measured there."""

    value: float
    success: SuccessRate


@dataclass(frozen=True)
class Calibrated:
    """What a calibration has found.

    Attributes:
        target: success asked for.
        setting: the value found and its success on fresh episodes, which chose nothing.
        tried: every setting on the way, in order.
    """

    target: float
    setting: Setting
    tried: tuple[Setting, ...]

    @property
    def reached(self) -> bool:
        """Whether the success on fresh episodes is within the tolerance."""
        return abs(self.setting.success.rate - self.target) <= TOLERANCE


def nearest(tried: Sequence[Setting], target: float) -> float:
    """Of all values tried the one whose success was nearest."""
    return min(tried, key=lambda setting: abs(setting.success.rate - target)).value


def on_the_line(tried: Sequence[Setting], target: float, near: float = NEAR) -> float:
    """Where a line through the log-odds of what was tried near by has the target.

    The value whose measured success is nearest owes that to chance in part: tried again, it is off.
    A line (weighted least squares, by the inverse variance of the log-odds) averages that out.

    Args:
        tried: settings, a value may be among them more than once.
        target: success asked for.
        near: how near to the target a success must be to count, in log-odds.
    """
    if not 0 < target < 1:
        return nearest(tried, target)
    wanted = math.log(target / (1 - target))
    counted = [s for s in tried if abs(_log_odds(s)[1] - wanted) <= near]
    values = {s.value for s in counted}
    if len(values) < 2:
        return nearest(tried, target)
    x, y, weight = (
        torch.tensor(column, dtype=torch.float64)
        for column in zip(*(_log_odds(s) for s in counted), strict=True)
    )
    center = (weight * x).sum() / weight.sum()
    height = (weight * y).sum() / weight.sum()
    slope = (weight * (x - center) * (y - height)).sum() / (weight * (x - center).square()).sum()
    value = float(center + (wanted - height) / slope) if slope else math.nan
    if not min(values) <= value <= max(values):
        return nearest(tried, target)
    return value


def _log_odds(setting: Setting) -> tuple[float, float, float]:
    """Value, log-odds (with half a success and half a failure more) and their inverse variance."""
    won = setting.success.rate * setting.success.n + 0.5
    lost = setting.success.n + 1 - won
    return setting.value, math.log(won / lost), 1 / (1 / won + 1 / lost)


def calibrate(
    success: Callable[[float, bool], SuccessRate],
    clean: float,
    worst: float,
    target: float,
    whole: bool = False,
    steps: int = 12,
    known: Sequence[Setting] = (),
    choose: Callable[[Sequence[Setting], float], float] = nearest,
) -> Calibrated:
    """Finds the value at which a policy succeeds as often as asked, by bisection.

    Success must not rise from ``clean`` to ``worst``. Bisection ends within a third of the
    tolerance, after ``steps`` values, or where whole numbers leave nothing in between; the value
    chosen by all that was tried is measured once more, on other episodes.

    Args:
        success: of a value; told whether it is the last measurement, on fresh episodes.
        clean: value at which the policy is what it is.
        worst: the other end.
        target: success asked for.
        whole: whether the value is a whole number.
        steps: most values tried.
        known: what was tried for other targets already; bisection begins between the nearest two.
        choose: a value, by what was tried and the target: :func:`nearest` or :func:`on_the_line`.

    Raises:
        ValueError: if the target is not within 0 and 1, or no step is allowed.
    """
    if not 0 <= target <= 1 or steps < 1:
        raise ValueError(f"target is {target}, it must be within 0 and 1; steps {steps}, above 0")
    tried = {setting.value: setting.success for setting in known}
    better, worse = clean, worst
    for value in sorted(tried, key=lambda v: abs(v - clean)):
        if tried[value].rate > target:
            better = value
        else:
            worse = value
            break
    for _ in range(steps):
        value = (better + worse) / 2
        value = float(round(value)) if whole else value
        if value in tried:
            break
        tried[value] = rate = success(value, False)
        if abs(rate.rate - target) <= TOLERANCE / 3:
            break
        if rate.rate > target:
            better = value
        else:
            worse = value
    settings = tuple(Setting(value, rate) for value, rate in tried.items())
    chosen = choose(settings, target)
    return Calibrated(target, Setting(chosen, success(chosen, True)), settings)
