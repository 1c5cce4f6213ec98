"""Tables of the curriculum's studies, from docs/results/curriculum/results.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean

from experiments import teleoperation_cost
from experiments.results import PHI_SETS, Row, interval
from experiments.significance import holm, mean_interval, p_value, paired
from experiments.teleoperation_cost import BRIDGE, Assumptions

# What is compared, in the order in which it is shown.
METHODS = {
    "curriculum": "boundary expansion",
    "learnability": "learnability p(1 - p)",
    "level_replay": "prioritised level replay",
    "no_op_filter": "no-op filter",
    "timetable": "timetable",
    "no_curriculum": "no curriculum",
    "filtered_cloning": "filtered cloning",
    "reward_weighted": "reward-weighted",
    "reinforce": "REINFORCE",
    "from_scratch": "DPPO from scratch",
    "reinforce_from_scratch": "REINFORCE from scratch",
}
# Of the other task, where the first set alone is a control, too.
BOWL_METHODS = {**METHODS, "practice": "at `point` alone"}


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Every part of the page that is made from results: its name there and its text."""
    yield "curriculum-bowl", bowl_rows(rows)
    yield "curriculum-rings", ring_rows(rows)
    rows = [row for row in rows if row["task"] == "pick_banana"]
    yield "curriculum-table", table_rows(rows)
    yield "curriculum-comparison", comparison_rows(rows)
    yield "curriculum-significant", significant(rows)
    yield "curriculum-gradient", gradient_rows(rows)
    yield "curriculum-gate", gate_rows(rows)
    yield "curriculum-demonstrations", demonstration_rows(rows)
    yield "curriculum-replaced", replaced(rows)
    yield "curriculum-cost", cost_rows(rows)


def of(rows: Sequence[Row], study: str, **wanted: object) -> list[Row]:
    """The rows of a study with these values."""
    return [
        row
        for row in rows
        if row["study"] == study and all(row.get(k) == v for k, v in wanted.items())
    ]


def last(rows: Sequence[Row]) -> list[Row]:
    """Of every method and seed, the row with most episodes, in order of seeds."""
    found: dict[tuple[str, int], Row] = {}
    for row in sorted(rows, key=lambda r: r["episodes"]):
        found[row["method"], row["seed"]] = row
    return sorted(found.values(), key=lambda r: (list_index(r["method"]), r["seed"]))


def list_index(method: str) -> int:
    """Place of a method in tables; unknown ones come last."""
    return list(METHODS).index(method) if method in METHODS else len(METHODS)


def table_rows(rows: Sequence[Row]) -> str:
    """Every tested checkpoint of the study ``table``."""
    lines = ["| method | seed | episodes | arm hours | " + " | ".join(f"`{s}`" for s in PHI_SETS)]
    lines[0] += " | n | fit, CPU-min |"
    lines.append("|---" * (len(PHI_SETS) + 6) + "|")
    tested = of(rows, "table", phi="test")
    for row in sorted(tested, key=lambda r: (r["method"], r["seed"], r["episodes"])):
        cells = [row["method"], str(row["seed"]), f"{row['episodes']:,}"]
        cells += [f"{row['robot_s'] / 3600:.1f}", *(interval(row, s) for s in PHI_SETS)]
        cells += [str(row["success/table/n"]), f"{row['fit/cpu_s'] / 60:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def seed_rows(rows: Sequence[Row]) -> str:
    """Where the curriculum ended, by seed."""
    lines = ["| seed | episodes | " + " | ".join(f"`{s}`" for s in PHI_SETS) + " | n |"]
    lines.append("|---" * (len(PHI_SETS) + 3) + "|")
    for row in last(of(rows, "table", method="curriculum", phi="test")):
        cells = [str(row["seed"]), f"{row['episodes']:,}", *(interval(row, s) for s in PHI_SETS)]
        lines.append("| " + " | ".join([*cells, str(row["success/table/n"])]) + " |")
    return "\n".join(lines)


def comparison_rows(rows: Sequence[Row]) -> str:
    """Methods at an equal budget: mean over seeds with interval, and each seed."""
    lines = ["| method | seeds | `wide` (95 % over seeds) | each seed | `point` | `table` |"]
    lines.append("|---|---|---|---|---|---|")
    tested = of(rows, "comparison", phi="test")
    begun = [row for row in tested if row["episodes"] == 0 and row["method"] == "curriculum"]
    begun = [row | {"method": BEACHHEAD} for row in sorted(begun, key=lambda r: r["seed"])]
    for method, runs in (by_method(begun) | by_method(last(tested))).items():
        wide = [row["success/wide"] for row in runs]
        over_seeds = f"{wide[0]:.3f}"
        if len(wide) > 1:
            over_seeds = "{:.3f} ({:.3f} to {:.3f})".format(
                *mean_interval(wide, runs[0]["success/wide/n"])
            )
        others = [f"{fmean(row[f'success/{s}'] for row in runs):.3f}" for s in ("point", "table")]
        cells = [
            METHODS.get(method, method),
            str(len(runs)),
            over_seeds,
        ]
        cells += [" ".join(f"{value:.3f}" for value in wide), *others]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def by_method(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of each method."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["method"]].append(row)
    return dict(found)


BEACHHEAD = "the beachhead, before"
SCRATCH = {"from_scratch", "reinforce_from_scratch"}


def significant(rows: Sequence[Row], level: float = 0.05) -> str:
    """Pairs of methods whose success on ``wide`` differs, and what could have been seen.

    Those that still do after P values are corrected for the number of pairs by Holm's method; of
    the others only that there are some.
    """
    runs = by_method(last(of(rows, "comparison", phi="test")))
    rated = [m for m, r in runs.items() if len(r) > 1]
    if len(rated) < 2:
        return "Too few seeds to say."
    pairs = [(a, b, *difference(runs[a], runs[b])) for a, b in combinations(rated, 2)]
    corrected = holm([p for *_, p in pairs])
    lines = ["| better | worse | difference (95 %) | p | p, corrected |", "|---|---|---|---|---|"]
    before = 0
    for (a, b, mean, half, p), holms in zip(pairs, corrected, strict=True):
        before += p < level <= holms
        if holms < level:
            better, worse = (a, b) if mean > 0 else (b, a)
            low, high = abs(mean) - half, min(1.0, abs(mean) + half)
            lines.append(
                f"| {METHODS.get(better, better)} | {METHODS.get(worse, worse)} | "
                f"{abs(mean):.3f} ({low:.3f} to {high:.3f}) | {p_value(p)} | {p_value(holms)} |"
            )
    lines += ["", f"{before} more pairs have p < {level:g} before the correction and not after it."]
    halves = sorted(half for a, b, _, half, _ in pairs if not {a, b} & SCRATCH)
    if not halves:
        return "\n".join(lines)
    seen = f"Between methods that start at the beachhead half an interval is {halves[0]:.3f} to "
    seen += f"{halves[-1]:.3f}, {halves[len(halves) // 2]:.3f} in the middle: smaller differences "
    return "\n".join([*lines, seen + "are not to be seen with so few seeds."])


def difference(one: Sequence[Row], other: Sequence[Row]) -> tuple[float, float, float]:
    """Of two methods on ``wide``, as :func:`~experiments.significance.paired` has it.

    Seeds are paired: all methods start at the same beachhead under the same seed.
    """
    theirs = {row["seed"]: row["success/wide"] for row in other}
    pairs = [(r["success/wide"], theirs[r["seed"]]) for r in one if r["seed"] in theirs]
    return paired(pairs, one[0]["success/wide/n"])


GATES = {
    "gate": "one large step, gate on",
    "gate_off": "one large step, gate off",
    "small_steps": "small steps, gate on",
}


def gate_rows(rows: Sequence[Row]) -> str:
    """A step too large with and without the gate, and small ones: how runs began and ended."""
    sets = ("point", "table", "corner")
    lines = ["| | seed | episodes | level | " + " | ".join(f"`{s}`" for s in sets) + " | n |"]
    lines.append("|---" * (len(sets) + 5) + "|")
    tested = of(rows, "gate", phi="test")
    levels = {(r["method"], r["seed"]): r for r in last(of(rows, "gate", phi="validation"))}
    for row in sorted(
        tested, key=lambda r: (list(GATES).index(r["method"]), r["seed"], r["episodes"])
    ):
        level = levels[row["method"], row["seed"]]["level"] if row["episodes"] else 0.0
        cells = [GATES[row["method"]], str(row["seed"]), f"{row['episodes']:,}", f"{level:.2f}"]
        cells += [*(interval(row, s) for s in sets), str(row["success/corner/n"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ring_rows(rows: Sequence[Row]) -> str:
    """How many rings were tried and refused, and how little was to be expected on one."""
    lines = ["| task | run | rings tried | refused | least E[R] | level at the last |"]
    lines.append("|---|---|---|---|---|---|")
    runs: dict[tuple[str, str, int], list[Row]] = defaultdict(list)
    for row in of(rows, "rings"):
        runs[row["task"], row["method"], row["seed"]].append(row)
    for (task, method, seed), tried in sorted(runs.items()):
        refused = sum(not row["accepted"] for row in tried)
        least = min(row["expected_return"] for row in tried)
        ended = max(tried, key=lambda r: r["ring"])["level"]
        cells = [task, f"{method}, seed {seed}", str(len(tried)), str(refused)]
        lines.append("| " + " | ".join([*cells, f"{least:.2f}", f"{ended:.2f}"]) + " |")
    return "\n".join(lines)


STARTS = {
    "beachhead": "the beachhead",
    "from_home": "demonstrations from one pose",
    "from_scratch": "random weights",
    "gate": "after the study below, gate on",
    "gate_off": "after the study below, gate off",
    "small_steps": "after the study below, small steps",
}


def gradient_rows(rows: Sequence[Row]) -> str:
    """Success while exploring and the norm of the reward's gradient, by start and phi set."""
    sets = (*PHI_SETS, "corner")
    lines = ["| policy | seed | n | " + " | ".join(f"`{s}`" for s in sets) + " |"]
    lines.append("|---" * (len(sets) + 3) + "|")
    found = of(rows, "gradient")
    for row in sorted(found, key=lambda r: (list(STARTS).index(r["method"]), r["seed"])):
        cells = [
            f"{row[f'success/{s}']:.3f}, {gradient_norm(row, s)}" if f"success/{s}" in row else ""
            for s in sets
        ]
        head = [STARTS[row["method"]], str(row["seed"]), f"{row['success/point/n']:,}"]
        lines.append("| " + " | ".join([*head, *cells]) + " |")
    return "\n".join(lines)


def gradient_norm(row: Row, phi_set: str) -> str:
    """With its interval."""
    norm, low, high = (row[f"grad_norm/{phi_set}{end}"] for end in ("", "/lo", "/hi"))
    return f"{norm:.3g} ({low:.3g} to {high:.3g})" if high else f"{norm:.3g}"


def demonstration_rows(rows: Sequence[Row]) -> str:
    """What demonstrations alone bring, by where and how many."""
    lines = [
        "| demonstrated | demonstrations | epochs | seed | driven, min | "
        + " | ".join(PHI_SETS)
        + " |"
    ]
    lines.append("|---" * (len(PHI_SETS) + 5) + "|")
    for row in sorted(
        of(rows, "demonstrations"),
        key=lambda r: (r["method"], r["demonstrations"], r["epochs"], r["seed"]),
    ):
        cells = [row["method"].removeprefix("cloning_"), str(row["demonstrations"])]
        cells += [
            str(row["epochs"]),
            str(row["seed"]),
            f"{row['driven_s'] / 60:.1f}",
            *(interval(row, s) for s in PHI_SETS),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def replaced(rows: Sequence[Row]) -> str:
    """How many demonstrations over the whole table do what the curriculum does."""
    ours = [r["success/table"] for r in last(of(rows, "table", method="curriculum", phi="test"))]
    cloned = by_demonstrations(rows)
    if not ours or not cloned:
        return ""
    begin = (
        f"The curriculum ends at {fmean(ours):.3f} on `table`, the mean over {len(ours)} seeds. "
    )
    if (least := enough(fmean(ours), cloned)) is None:
        return (
            begin + f"Cloning does not get there with {max(cloned):,}: {max(cloned.values()):.3f}."
        )
    fewer = [n for n in cloned if n < least]
    between = f", not with {max(fewer):,}: {cloned[max(fewer)]:.3f}" if fewer else ""
    return begin + f"Cloning gets there with {least:,}: {cloned[least]:.3f}{between}."


def by_demonstrations(rows: Sequence[Row]) -> dict[int, float]:
    """Success on ``table`` by the number of demonstrations spread over it, the mean over seeds."""
    found: dict[int, list[float]] = defaultdict(list)
    for row in of(rows, "demonstrations", method="cloning_table"):
        found[row["demonstrations"]].append(row["success/table"])
    return {n: fmean(found[n]) for n in sorted(found)}


def enough(reached: float, cloned: Mapping[int, float]) -> int | None:
    """The least number of demonstrations, of those cloned, that reach a success, if any."""
    return min((n for n, success in cloned.items() if success >= reached), default=None)


def cost_rows(rows: Sequence[Row]) -> str:
    """What those demonstrations cost a person, beside published collections."""
    ours = [r["success/table"] for r in last(of(rows, "table", method="curriculum", phi="test"))]
    wanted = [("demonstrated here, at BridgeData's rate", 32)]
    if ours and (least := enough(fmean(ours), by_demonstrations(rows))):
        wanted.append(("over the table, to do as well", least))
    return teleoperation_cost.table(wanted, BRIDGE.seconds, Assumptions())


def bowl_rows(rows: Sequence[Row]) -> str:
    """The other task: its beachheads, and where the curriculum took them."""
    rows = [row for row in rows if row["task"] == "place_in_bowl"]
    lines = ["| | seed | episodes | " + " | ".join(f"`{s}`" for s in PHI_SETS) + " | n |"]
    lines.append("|---" * (len(PHI_SETS) + 4) + "|")
    cloned = [("beachhead", row) for row in of(rows, "demonstrations", method="cloning_point")]
    widened = [(BOWL_METHODS[row["method"]], row) for row in of(rows, "table", phi="test")]
    for name, row in sorted(
        [*cloned, *widened], key=lambda x: (x[1]["seed"], x[0], x[1]["episodes"])
    ):
        cells = [name, str(row["seed"]), f"{row['episodes']:,}"]
        cells += [*(interval(row, s) for s in PHI_SETS), str(row["success/table/n"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
