"""What covering a table by teleoperation alone would cost: back of the envelope, on the table.

    python experiments/teleoperation_cost.py --demonstrations 2048 --wage 25

Seconds of a demonstration are those of a published data set, by default BridgeData V2. Published
totals beside it: what a set of that size took to drive, at the same rates.
"""

from __future__ import annotations

import argparse
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


def cost(demonstrations: int, seconds: float, reset_s: float, failures: float, wage: float) -> Cost:
    """What a number of demonstrations costs.

    Args:
        demonstrations: successful ones that are wanted.
        seconds: of driving in one.
        reset_s: seconds between two attempts: putting things back, looking, rest.
        failures: share of attempts that are thrown away.
        wage: of an hour.

    Raises:
        ValueError: if a number is negative, or all attempts fail.
    """
    if min(demonstrations, seconds, reset_s, wage) < 0:
        raise ValueError("demonstrations, seconds, reset_s and wage must not be negative")
    if not 0 <= failures < 1:
        raise ValueError(f"failures is {failures}, it must be in [0, 1)")
    hours = demonstrations / (1 - failures) * (seconds + reset_s) / 3600
    return Cost(hours, hours * wage)


def main() -> None:
    """Prints the cost of the demonstrations asked for, and of published collections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demonstrations", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=BRIDGE.seconds, help="of driving in one")
    parser.add_argument("--reset_s", type=float, default=10.0, help="seconds between attempts")
    parser.add_argument("--failures", type=float, default=0.1, help="share of attempts thrown away")
    parser.add_argument("--wage", type=float, default=25.0, help="of an hour")
    args = parser.parse_args()
    assumed = (args.reset_s, args.failures, args.wage)
    wanted = Collection("asked for", args.demonstrations, args.seconds, "")
    print(f"{'':18} {'demonstrations':>14} {'s each':>7} {'hours':>9} {'cost':>12}")
    for each in (wanted, *COLLECTIONS):
        total = cost(each.trajectories, each.seconds, *assumed)
        print(
            f"{each.name:18} {each.trajectories:14,} {each.seconds:7.1f} {total.hours:9,.1f} "
            f"{total.money:12,.0f}  {each.source}"
        )


if __name__ == "__main__":
    main()
