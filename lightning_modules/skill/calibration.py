"""Where a knob has to stand for a policy to succeed so often: bisection on rollouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from robot.success_rate import SuccessRate

TOLERANCE = 0.05


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


def calibrate(
    success: Callable[[float, bool], SuccessRate],
    clean: float,
    worst: float,
    target: float,
    whole: bool = False,
    steps: int = 12,
    known: Sequence[Setting] = (),
) -> Calibrated:
    """Finds the value at which a policy succeeds as often as asked, by bisection.

    Success must not rise from ``clean`` to ``worst``. Bisection ends within a third of the
    tolerance, after ``steps`` values, or where whole numbers leave nothing in between; of all
    values tried the nearest is measured once more, on other episodes.

    Args:
        success: of a value; told whether it is the last measurement, on fresh episodes.
        clean: value at which the policy is what it is.
        worst: the other end.
        target: success asked for.
        whole: whether the value is a whole number.
        steps: most values tried.
        known: what was tried for other targets already; bisection begins between the nearest two.

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
    nearest = min(tried, key=lambda v: abs(tried[v].rate - target))
    return Calibrated(
        target,
        Setting(nearest, success(nearest, True)),
        tuple(Setting(value, rate) for value, rate in tried.items()),
    )
