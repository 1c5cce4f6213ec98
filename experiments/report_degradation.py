"""The table and the comparisons of the degradation experiment, as its registration has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import trim_mean

from experiments.results import Row

SHOTS = 6
LAST = f"adaptation/success/shot_{SHOTS}"
DRAWS = 10_000
PRIMARY = (("temperature", "ou_noise"), ("temperature", "iid_noise"))
SECONDARY = (
    ("temperature", "same_ends"),
    ("temperature", "wrong_hypothesis"),
    ("temperature", "earlier_checkpoint"),
    ("temperature", "guidance"),
    ("temperature", "temperature_informed"),
    ("iid_noise", "iid_noise_informed"),
    ("wrong_hypothesis", "wrong_hypothesis_informed"),
    ("temperature", "temperature_shuffled"),
    ("temperature", "temperature_as_it_comes"),
    ("temperature", "expert_only"),
    ("search", "temperature"),
)

Array = NDArray[np.float64]


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    yield "degradation-arms", arm_rows(rows)
    yield "degradation-primary", comparisons(rows, PRIMARY, 0.975)
    yield "degradation-secondary", comparisons(rows, SECONDARY, 0.95)


def by_arm(rows: Sequence[Row]) -> dict[str, dict[int, Row]]:
    """Rows by arm and seed; dropped ones have no success."""
    found: dict[str, dict[int, Row]] = {}
    for row in rows:
        found.setdefault(row["method"], {})[row["seed"]] = row
    return found


def interquartile_mean(values: Array) -> float:
    """Mean of the middle half (Agarwal et al. 2021, 2108.13264)."""
    return float(trim_mean(values, 0.25))


def bootstrap(values: Array, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Interval of the interquartile mean over seeds, drawn with replacement ``DRAWS`` times."""
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(len(values), size=(DRAWS, len(values)))]
    means = trim_mean(drawn, 0.25, axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired(
    one: dict[int, Row], other: dict[int, Row], level: float, seed: int = 0
) -> tuple[float, float, float, float]:
    """Difference of two arms at the last shot: of interquartile means, interval, share better.

    The interval is a bootstrap of the seeds that both arms have, drawn together.
    """
    seeds = sorted(set(one) & set(other))
    a, b = (np.array([arm[s][LAST] for s in seeds]) for arm in (one, other))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(seeds), size=(DRAWS, len(seeds)))
    differences = trim_mean(a[drawn], 0.25, axis=1) - trim_mean(b[drawn], 0.25, axis=1)
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    difference = interquartile_mean(a) - interquartile_mean(b)
    return difference, float(low), float(high), float((a > b).mean())


def arm_rows(rows: Sequence[Row]) -> str:
    """Every arm: success by shot, hazard and what is kept, and whether its data gives phi away."""
    lines = ["| arm | seeds | " + " | ".join(f"shot {h}" for h in range(1, SHOTS + 1))]
    lines[0] += " | shot 6, 95 % | hazard at 2 | kept at 6 | leak of the data |"
    lines.append("|---" * (SHOTS + 6) + "|")
    for arm, runs in by_arm(rows).items():
        dropped = [seed for seed, row in runs.items() if row.get("dropped")]
        if dropped:
            cells = [arm, f"dropped: {len(dropped)} of {len(runs)} seeds miss a level"]
            lines.append("| " + " | ".join([*cells, *[""] * (SHOTS + 4)]) + " |")
            continue
        names = [f"adaptation/success/shot_{h}" for h in range(1, SHOTS + 1)]
        means = [interquartile_mean(column(runs, name)) for name in names]
        low, high = bootstrap(column(runs, LAST))
        others = ("adaptation/hazard/shot_2", f"adaptation/kept/shot_{SHOTS}", "data/leak")
        cells = [arm, str(len(runs)), *(f"{m:.3f}" for m in means), f"{low:.3f} to {high:.3f}"]
        cells += [f"{max(0.0, interquartile_mean(column(runs, name))):.2f}" for name in others]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def column(runs: dict[int, Row], name: str) -> Array:
    """A number of each seed."""
    return np.array([row[name] for row in runs.values()], dtype=np.float64)


def comparisons(rows: Sequence[Row], pairs: Sequence[tuple[str, str]], level: float) -> str:
    """Pairs of arms at the last shot."""
    runs = by_arm(rows)
    lines = [f"| one | other | difference at shot {SHOTS} | interval, {level:.1%} | better in |"]
    lines.append("|---|---|---|---|---|")
    for one, other in pairs:
        missing = [
            arm
            for arm in (one, other)
            if arm not in runs or any(row.get("dropped") for row in runs[arm].values())
        ]
        if missing:
            lines.append(f"| {one} | {other} | no {' and no '.join(missing)} | | |")
            continue
        difference, low, high, share = paired(runs[one], runs[other], level)
        lines.append(
            f"| {one} | {other} | {difference:+.3f} | {low:+.3f} to {high:+.3f} | {share:.0%} |"
        )
    return "\n".join(lines)


def figure(rows: Sequence[Row]) -> Figure:
    """Success at the last shot of every arm, best on top, with each seed and the interval."""
    runs = {
        arm: column(found, LAST)
        for arm, found in by_arm(rows).items()
        if not any(row.get("dropped") for row in found.values())
    }
    order = sorted(runs, key=lambda arm: interquartile_mean(runs[arm]))
    drawn = Figure(figsize=(7, 0.32 * len(order) + 1.2), layout="constrained")
    axes = drawn.subplots()
    for place, arm in enumerate(order):
        low, high = bootstrap(runs[arm])
        middle = interquartile_mean(runs[arm])
        axes.plot(runs[arm], [place] * len(runs[arm]), ".", color="0.7", ms=4)
        axes.plot([low, high], [place, place], color="C0", lw=2)
        axes.plot([middle], [place], "o", color="C0", ms=5)
    axes.set_yticks(range(len(order)), order)
    axes.set(xlabel=f"success at shot {SHOTS}", xlim=(0, 1))
    axes.grid(alpha=0.3)
    return drawn
