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
FEWEST = 3  # seeds for an interval
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
# Arms whose success by shot is drawn.
COLORS = {
    "search": "black",
    "same_ends": "tab:green",
    "wrong_hypothesis": "tab:olive",
    "earlier_checkpoint": "tab:purple",
    "iid_noise": "tab:blue",
    "guidance": "tab:orange",
    "temperature": "tab:red",
}

Array = NDArray[np.float64]


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    cheap = of_task(rows, "hidden_reach")
    yield "degradation-arms", arm_rows(cheap)
    yield "degradation-primary", comparisons(cheap, PRIMARY, 0.975)
    yield "degradation-secondary", comparisons(cheap, SECONDARY, 0.95)
    if contact := of_task(rows, "bumped_camera"):
        yield "degradation-contact", arm_rows(contact)


def of_task(rows: Sequence[Row], task: str) -> list[Row]:
    """Rows of a family."""
    return [row for row in rows if row["task"] == task]


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

    All of the seeds that both arms have; the interval is a bootstrap of these, drawn together.
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
        interval = "{:.3f} to {:.3f}".format(*bootstrap(column(runs, LAST)))
        others = ("adaptation/hazard/shot_2", f"adaptation/kept/shot_{SHOTS}", "data/leak")
        cells = [
            arm,
            str(len(runs)),
            *(f"{m:.3f}" for m in means),
            interval if len(runs) >= FEWEST else "",
        ]
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
        a, b = (reached(runs.get(arm, {})) for arm in (one, other))
        names = [
            arm if len(kept) == len(runs.get(arm, kept)) else f"{arm} (dropped; {len(kept)} seeds)"
            for arm, kept in ((one, a), (other, b))
        ]
        if not set(a) & set(b):
            missing = " and no ".join(arm for arm, kept in ((one, a), (other, b)) if not kept)
            lines.append(f"| {names[0]} | {names[1]} | no {missing} | | |")
            continue
        difference, low, high, share = paired(a, b, level)
        shared = len(set(a) & set(b))
        interval = f"{low:+.3f} to {high:+.3f}" if shared >= FEWEST else ""
        better = f"{share:.0%} of {shared}"
        lines.append(f"| {names[0]} | {names[1]} | {difference:+.3f} | {interval} | {better} |")
    return "\n".join(lines)


def reached(runs: dict[int, Row]) -> dict[int, Row]:
    """The seeds for which the knob of an arm reaches every level."""
    return {seed: row for seed, row in runs.items() if not row.get("dropped")}


def figure(rows: Sequence[Row]) -> Figure:
    """On the cheap family: success of every arm at the last shot, and by shot of some."""
    runs = {
        arm: found
        for arm, found in by_arm(of_task(rows, "hidden_reach")).items()
        if not any(row.get("dropped") for row in found.values())
    }
    last = {arm: column(found, LAST) for arm, found in runs.items()}
    order = sorted(runs, key=lambda arm: interquartile_mean(last[arm]))
    drawn = Figure(figsize=(11, 0.3 * len(order) + 1.2), layout="constrained")
    ranking, curves = drawn.subplots(1, 2)
    for place, arm in enumerate(order):
        color = COLORS.get(arm, "0.4")
        ranking.plot(last[arm], [place] * len(last[arm]), ".", color="0.7", ms=4)
        ranking.plot(bootstrap(last[arm]), [place, place], color=color, lw=2)
        ranking.plot([interquartile_mean(last[arm])], [place], "o", color=color, ms=5)
    ranking.set_yticks(range(len(order)), order)
    ranking.set(xlabel=f"success at shot {SHOTS}", xlim=(0, 1))
    shots = range(1, SHOTS + 1)
    for arm in reversed(order):
        if arm in COLORS:
            by_shot = [column(runs[arm], f"adaptation/success/shot_{h}") for h in shots]
            low, high = zip(*(bootstrap(values) for values in by_shot), strict=True)
            middle = [interquartile_mean(values) for values in by_shot]
            curves.plot(shots, middle, "o-", ms=3, color=COLORS[arm], label=arm)
            curves.fill_between(shots, low, high, color=COLORS[arm], alpha=0.2)
    curves.set(xlabel="shot", ylabel="success", ylim=(0, 1))
    curves.legend(loc="upper left", fontsize=8)
    for axes in (ranking, curves):
        axes.grid(alpha=0.3)
    return drawn
