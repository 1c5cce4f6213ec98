"""When an arm that works by itself rests: before a servo is too hot, and after so long at work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rests:
    """What an arm can stand without anybody near.

    Attributes:
        margin: degrees C below the limit of its servos at which it rests; at the limit it stops.
        cooling: degrees C by which the hottest servo then has to cool down.
        work: s in a row, at the most.
        rest: s after that.

    Raises:
        ValueError: if one is not positive.
    """

    margin: float = 8.0
    cooling: float = 8.0
    work: float = 1500.0
    rest: float = 300.0

    def __post_init__(self) -> None:
        for name in ("margin", "cooling", "work", "rest"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} of an arm's rests is {getattr(self, name)}, not above 0")

    def why(self, degrees: float, limit: float, worked: float) -> str:
        """Why it should rest; empty if it need not.

        Args:
            degrees: C, of its hottest servo; NaN if that is not known.
            limit: C.
            worked: s since it rested last.
        """
        if degrees >= limit - self.margin:
            return f"a servo is at {degrees:.0f} degrees, {limit:.0f} are the most"
        if worked >= self.work:
            return f"it has worked for {worked / 60:.0f} minutes"
        return ""

    def over(self, degrees: float, limit: float, worked: float, rested: float) -> bool:
        """Whether it may go on.

        Args:
            degrees: C, of its hottest servo.
            limit: C.
            worked: s before it rested.
            rested: s.
        """
        hot = degrees >= limit - self.margin - self.cooling
        return not hot and (worked < self.work or rested >= self.rest)
