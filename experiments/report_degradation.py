"""The tables and comparisons of the degradation experiment, as its registrations have them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import trim_mean

from experiments import significance
from experiments.results import Row

SHOTS = 6
LAST = f"adaptation/success/shot_{SHOTS}"
DRAWS = 10_000
FEWEST = 2  # seeds for an interval
RESAMPLED = 8  # seeds for one by resampling them; of three it would hold 74 % of the time
PRIMARY = (("temperature", "ou_noise"), ("temperature", "iid_noise"))
SECONDARY = (
    ("temperature", "same_ends"),
    ("temperature", "wrong_hypothesis"),
    ("temperature", "earlier_checkpoint"),
    ("temperature", "guidance"),
    ("temperature", "epsilon_random"),
    ("temperature", "temperature_informed"),
    ("iid_noise", "iid_noise_informed"),
    ("wrong_hypothesis", "wrong_hypothesis_informed"),
    ("temperature", "temperature_shuffled"),
    ("iid_noise", "iid_noise_shuffled"),
    ("temperature", "temperature_as_it_comes"),
    ("temperature", "temperature_unrewarded"),
    ("temperature", "expert_only"),
)
COLD = f"as_cold_as_the_skill/{LAST}"
FORGETTING = LAST.replace("adaptation/", "adaptation/memory_reset/")
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


def last(row: Row) -> float:
    """Success at the last shot."""
    return float(row[LAST])


def found(row: Row) -> float:
    """Share of lifetimes in which anything has succeeded by the last shot."""
    missed = (1 - row.get(f"adaptation/hazard/shot_{h}", 0.0) for h in range(1, SHOTS + 1))
    return 1 - math.prod(missed)


def kept(row: Row) -> float:
    """Share of those that succeed at the last shot too."""
    return float(row[f"adaptation/kept/shot_{SHOTS}"])


def over_shots(row: Row) -> float:
    """Mean success over all shots."""
    return fmean(row[f"adaptation/success/shot_{h}"] for h in range(1, SHOTS + 1))


# What success at the last shot is made of, and what it leaves out.
MEASURES: dict[str, Callable[[Row], float]] = {
    f"success at shot {SHOTS}": last,
    f"found by shot {SHOTS}": found,
    f"kept at shot {SHOTS}": kept,
    "mean over the shots": over_shots,
}


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    cheap = of_task(rows, "hidden_reach")
    second = registered(cheap, 2)
    yield "degradation-arms", arm_rows(second)
    yield "degradation-primary", comparisons(second, PRIMARY, 0.975)
    yield "degradation-measures", measures(second, PRIMARY)
    searched = [("search", arm) for arm in by_arm(second) if arm != "search"]
    yield "degradation-secondary", comparisons(second, (*SECONDARY, *searched), 0.95)
    yield "degradation-first", first_rows(registered(cheap, 1))
    third = registered(cheap, 3)
    yield "degradation-third", comparisons(third, PRIMARY, 0.975, over_shots)
    yield "degradation-third-measures", measures(third, PRIMARY)
    contact = of_task(rows, "bumped_camera")
    yield "degradation-contact", arm_rows(contact)
    yield "degradation-contact-pairs", measures(contact, [("temperature", "iid_noise")])


def of_task(rows: Sequence[Row], task: str) -> list[Row]:
    """Rows of a family."""
    return [row for row in rows if row["task"] == task]


def registered(rows: Sequence[Row], registration: int) -> list[Row]:
    """Rows of a registration."""
    return [row for row in rows if row["registration"] == registration]


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
    one: dict[int, Row],
    other: dict[int, Row],
    level: float,
    seed: int = 0,
    measure: Callable[[Row], float] = last,
) -> tuple[float, float, float, float]:
    """Difference of two arms: of interquartile means, interval, share better.

    All of the seeds that both arms have; the interval is a bootstrap of these, drawn together.
    """
    seeds = sorted(set(one) & set(other))
    a, b = (np.array([measure(arm[s]) for s in seeds]) for arm in (one, other))
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(seeds), size=(DRAWS, len(seeds)))
    differences = trim_mean(a[drawn], 0.25, axis=1) - trim_mean(b[drawn], 0.25, axis=1)
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    difference = interquartile_mean(a) - interquartile_mean(b)
    return difference, float(low), float(high), float((a > b).mean())


def arm_rows(rows: Sequence[Row]) -> str:
    """Every arm: success by shot, what memory is worth, hazard, and what its data is like."""
    heads = ["arm", "seeds", *(f"shot {h}" for h in range(1, SHOTS + 1)), "shot 6, 95 %"]
    heads += ["memory emptied", "at .3", "at", "mean", "found by 6", "kept at 6", "leak", "jerky"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for arm, runs in by_arm(rows).items():
        if said := dropped(runs):
            lines.append("| " + " | ".join([arm, said, *[""] * (len(heads) - 2)]) + " |")
            continue
        names = [f"adaptation/success/shot_{h}" for h in range(1, SHOTS + 1)]
        names_after = (FORGETTING, COLD)
        cells = [arm, str(len(runs)), *(middle(runs, name) for name in names)]
        cells += [between(runs), *(middle(runs, name) for name in names_after)]
        cells += [temperatures(runs)]
        whole = (over_shots, found, kept)
        cells += [
            f"{interquartile_mean(np.array([measure(row) for row in runs.values()])):.2f}"
            for measure in whole
        ]
        cells += [middle(runs, name, 2) for name in ("data/leak", "high_frequency")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def first_rows(rows: Sequence[Row]) -> str:
    """The arms of the first registration, shortly."""
    lines = ["| arm | seeds | shot 1 | shot 6 | shot 6, 95 % |", "|---" * 5 + "|"]
    for arm, runs in by_arm(rows).items():
        if said := dropped(runs):
            lines.append(f"| {arm} | {said} | | | |")
            continue
        first = middle(runs, "adaptation/success/shot_1")
        lines.append(f"| {arm} | {len(runs)} | {first} | {middle(runs, LAST)} | {between(runs)} |")
    return "\n".join(lines)


def dropped(runs: dict[int, Row]) -> str:
    """What is said of an arm that misses a level; nothing of others."""
    missing = [seed for seed, row in runs.items() if row.get("dropped")]
    return f"dropped: {len(missing)} of {len(runs)} seeds miss a level" if missing else ""


def middle(runs: dict[int, Row], name: str, digits: int = 3) -> str:
    """The interquartile mean over seeds; nothing where an arm has no such number."""
    if any(name not in row for row in runs.values()):
        return ""
    return f"{interquartile_mean(column(runs, name)):.{digits}f}"


def between(runs: dict[int, Row]) -> str:
    """Its interval at the last shot; Student's, of the mean, where seeds are few."""
    values = column(runs, LAST)
    if len(runs) < FEWEST:
        return ""
    if len(runs) >= RESAMPLED:
        return "{:.3f} to {:.3f}".format(*bootstrap(values))
    _, low, high = significance.mean_interval(values.tolist(), episodes(runs))
    return f"{low:.3f} to {high:.3f}"


def episodes(runs: dict[int, Row]) -> int:
    """How many lifetimes are behind the success of each run."""
    return int(min(row[f"{LAST}/n"] for row in runs.values()))


def temperatures(runs: dict[int, Row]) -> str:
    """At which temperatures the students of an arm are tested, and how many of them."""
    chosen = Counter(row["temperature"] for row in runs.values())
    return ", ".join(f"{value:g} ({chosen[value]})" for value in sorted(chosen))


def column(runs: dict[int, Row], name: str) -> Array:
    """A number of each seed."""
    return np.array([row[name] for row in runs.values()], dtype=np.float64)


def comparisons(
    rows: Sequence[Row],
    pairs: Sequence[tuple[str, str]],
    level: float,
    measure: Callable[[Row], float] = last,
) -> str:
    """Pairs of arms by a measure."""
    runs = by_arm(rows)
    what = next(name for name, made in MEASURES.items() if made is measure)
    lines = [f"| one | other | difference, {what} | interval, {level:.1%} | better in |"]
    lines.append("|---|---|---|---|---|")
    for one, other in pairs:
        a, b = (reached(runs.get(arm, {})) for arm in (one, other))
        names = [
            arm if len(left) == len(runs.get(arm, left)) else f"{arm} (dropped; {len(left)} seeds)"
            for arm, left in ((one, a), (other, b))
        ]
        if not set(a) & set(b):
            missing = " and no ".join(arm for arm, left in ((one, a), (other, b)) if not left)
            lines.append(f"| {names[0]} | {names[1]} | no {missing} | | |")
            continue
        cells = [*names, *difference(a, b, level, measure)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measures(rows: Sequence[Row], pairs: Sequence[tuple[str, str]]) -> str:
    """What the difference of a pair at the last shot is made of."""
    runs = by_arm(rows)
    lines = ["| one | other | measure | difference | interval, 95.0% | better in |"]
    lines.append("|---|---|---|---|---|---|")
    for one, other in pairs:
        a, b = (reached(runs.get(arm, {})) for arm in (one, other))
        if not set(a) & set(b):
            continue
        for name, measure in MEASURES.items():
            cells = [one, other, name, *difference(a, b, 0.95, measure)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def difference(
    a: dict[int, Row], b: dict[int, Row], level: float, measure: Callable[[Row], float]
) -> tuple[str, str, str]:
    """Of two arms: itself, its interval, in how many seeds the first is better.

    Few seeds have Student's mean and interval, more the interquartile mean and a bootstrap's.
    """
    seeds = sorted(set(a) & set(b))
    between, low, high, share = paired(a, b, level, measure=measure)
    if len(seeds) < RESAMPLED:
        both = [(measure(a[seed]), measure(b[seed])) for seed in seeds]
        between, half, _ = students(both, episodes(a))
        low, high = between - half, between + half
    interval = f"{low:+.3f} to {high:+.3f}" if math.isfinite(low) else ""
    return f"{between:+.3f}", interval, f"{share:.0%} of {len(seeds)}"


def students(pairs: Sequence[tuple[float, float]], n: int) -> tuple[float, float, float]:
    """Mean difference of few seeds and half of its 95 % interval; infinite where there is one."""
    if len(pairs) < FEWEST:
        return pairs[0][0] - pairs[0][1], math.inf, math.nan
    return significance.paired(pairs, n)


def reached(runs: dict[int, Row]) -> dict[int, Row]:
    """The seeds for which the knob of an arm reaches every level."""
    return {seed: row for seed, row in runs.items() if not row.get("dropped")}


def figure(rows: Sequence[Row]) -> Figure:
    """On the cheap family: success of every arm at the last shot, and by shot of some."""
    second = registered(of_task(rows, "hidden_reach"), 2)
    runs = {
        arm: found
        for arm, found in by_arm(second).items()
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
