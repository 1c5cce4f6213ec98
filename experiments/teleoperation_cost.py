"""What covering a table by teleoperation alone would cost: back of the envelope, on the table.

    python experiments/teleoperation_cost.py --demonstrations 2048 --wage 25

Seconds of a demonstration are those of a published data set, by default BridgeData V2. Published
totals beside it: what a set of that size took to drive, at the same rates.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Collection:
    """A published data set of teleoperated robots.

    Attributes:
        name: as its paper calls it.
        trajectories: how many it has.
        seconds: of driving in one trajectory.
        source: where the numbers are from.
    """

    name: str
    trajectories: int
    seconds: float
    source: str


# BridgeData V2: 2,255,591 frames at 5 Hz in 60,064 episodes of its LeRobot release.
BRIDGE = Collection(
    "BridgeData V2", 60_096, 2_255_591 / 60_064 / 5, "Walke et al. 2023, 2308.12952"
)
DROID = Collection("DROID", 76_000, 350 * 3600 / 76_000, "Khazatsky et al. 2024, 2403.12945")
# It says nothing of hours: at the mean of the other two.
OPEN_X = Collection(
    "Open X-Embodiment",
    1_000_000,
    (BRIDGE.seconds + DROID.seconds) / 2,
    "Open X-Embodiment Collaboration 2023, 2310.08864; seconds assumed",
)
COLLECTIONS = (BRIDGE, DROID, OPEN_X)


@dataclass(frozen=True)
class Cost:
    """What demonstrations cost a person: hours at the arm, and money (in the wage's currency)."""

    hours: float
    money: float


@dataclass(frozen=True)
class Assumptions:
    """What driving takes beside driving.

    Attributes:
        reset_s: seconds between two attempts: putting things back, looking, rest.
        failures: share of attempts that are thrown away.
        wage: of an hour.

    Raises:
        ValueError: if a number is negative, or all attempts fail.
    """

    reset_s: float = 10.0
    failures: float = 0.1
    wage: float = 25.0

    def __post_init__(self) -> None:
        if min(self.reset_s, self.wage) < 0:
            raise ValueError(
                f"reset_s is {self.reset_s} and wage {self.wage}, they must not be negative"
            )
        if not 0 <= self.failures < 1:
            raise ValueError(f"failures is {self.failures}, it must be in [0, 1)")

    def cost(self, demonstrations: int, seconds: float) -> Cost:
        """What so many successful demonstrations cost, each of so many seconds of driving."""
        if min(demonstrations, seconds) < 0:
            raise ValueError(
                f"demonstrations is {demonstrations} and seconds {seconds}, "
                "they must not be negative"
            )
        attempts = demonstrations / (1 - self.failures)
        hours = attempts * (seconds + self.reset_s) / 3600
        return Cost(hours, hours * self.wage)


def table(wanted: Sequence[tuple[str, int]], seconds: float, assumed: Assumptions) -> str:
    """Numbers of demonstrations by name, and the published collections, as a table."""
    lines = [
        "| | demonstrations | s each | hours | cost | source |",
        "|---|---:|---:|---:|---:|---|",
    ]
    own = [Collection(name, count, seconds, "") for name, count in wanted]
    for each in (*own, *COLLECTIONS):
        total = assumed.cost(each.trajectories, each.seconds)
        lines.append(
            f"| {each.name} | {each.trajectories:,} | {each.seconds:.1f} | {total.hours:,.1f} "
            f"| {total.money:,.0f} | {each.source} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Prints the cost of the demonstrations asked for, and of published collections."""
    usual = Assumptions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demonstrations", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=BRIDGE.seconds, help="of driving in one")
    parser.add_argument("--reset_s", type=float, default=usual.reset_s, help="between attempts")
    parser.add_argument("--failures", type=float, default=usual.failures, help="thrown away")
    parser.add_argument("--wage", type=float, default=usual.wage, help="of an hour")
    args = parser.parse_args()
    try:
        assumed = Assumptions(args.reset_s, args.failures, args.wage)
        print(table([("asked for", args.demonstrations)], args.seconds, assumed))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
