"""What a servo can do: torque, current, heat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

SERVOS = Path(__file__).with_name("servos.yaml")
AMBIENT = 25.0  # degrees C


@dataclass(frozen=True)
class Motor:
    """A model's constants, at 12 V.

    Attributes:
        stall_torque: N m.
        stall_current: A, at that torque.
        speed: rad/s without a load.
        firmware: version.
        p_gain: of the position controller, that firmware begins with.
        current_limit: units of 2.69 mA, that firmware begins with; 0 where it measures none.
        pwm_limit: units of 0.113 %.
        temperature_limit: degrees C.
        heating: K/s for each A squared.
        cooling: s, time constant.
    """

    stall_torque: float
    stall_current: float
    speed: float
    firmware: int
    p_gain: int
    current_limit: int
    pwm_limit: int
    temperature_limit: int
    heating: float
    cooling: float

    def current(self, torque: float) -> float:
        """A, at a torque."""
        return torque / self.stall_torque * self.stall_current

    def warmed(self, temperature: float, current: float, seconds: float) -> float:
        """The temperature after so long at a current: first order towards where it would settle."""
        settled = AMBIENT + self.heating * self.cooling * current**2
        share = min(1.0, seconds / self.cooling)
        return temperature + (settled - temperature) * share


@lru_cache
def motor(model: str) -> Motor:
    """The constants of a model.

    Raises:
        ValueError: if none are known; names those there are.
    """
    known = yaml.safe_load(SERVOS.read_text())
    if model not in known:
        raise ValueError(f"no virtual servo {model!r}; there are {', '.join(sorted(known))}")
    return Motor(**known[model])
