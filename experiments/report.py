"""Tables, figures and the README's numbers, from the committed results and nothing else.

    python experiments/report.py

Reads docs/results/*/results.json of demo, denoisers, recorded, curriculum, adaptation, ladder,
degradation, faults, four_axes and distillation, the last two where there are any; writes figures
beside them and the marked parts of README.md and of the studies' own pages.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments import (  # noqa: E402
    curriculum_figures,
    ladder_figures,
    report_adaptation,
    report_admission,
    report_arm,
    report_curriculum,
    report_degradation,
    report_distillation,
    report_faults,
    report_four_axes,
    report_ladder,
    report_lifetime_curriculum,
    report_teleop,
)
from experiments.results import (  # noqa: E402
    PHI_SETS,
    Row,
    interval,
    read_rows,
    replace_between,
    results_file,
)

# Studies of one figure.
OF_THEIR_OWN = {"four_axes": report_four_axes, "distillation": report_distillation}
COLORS = {"mlp": "tab:blue", "unet": "tab:orange", "transformer": "tab:green"}


def main() -> None:
    """Rewrites everything that a number of these studies stands in."""
    for document, name, text in parts():
        replace_between(document, name, text)
    denoisers = results_file("denoisers")
    figure = denoiser_figure(read_rows(denoisers))
    figure.savefig(denoisers.with_name("denoisers.png"), dpi=120)
    curriculum = results_file("curriculum")
    for name, figure in curriculum_figures.figures(read_rows(curriculum)):
        figure.savefig(curriculum.with_name(name), dpi=110)
    adaptation = results_file("adaptation")
    figure = report_adaptation.figure(read_rows(adaptation))
    figure.savefig(adaptation.with_name("adaptation.png"), dpi=110)
    if of_study := report_lifetime_curriculum.of_study(read_rows(adaptation)):
        figure = report_lifetime_curriculum.figure(of_study)
        figure.savefig(adaptation.with_name("lifetime_curriculum.png"), dpi=110)
    ladder = results_file("ladder")
    for name, figure in ladder_figures.figures(read_rows(ladder)):
        figure.savefig(ladder.with_name(name), dpi=110)
    degradation = results_file("degradation")
    figure = report_degradation.figure(read_rows(degradation))
    figure.savefig(degradation.with_name("degradation.png"), dpi=110)
    for name, report in OF_THEIR_OWN.items():
        if rows := read_rows(results_file(name)):
            report.figure(rows).savefig(results_file(name).with_name(f"{name}.png"), dpi=110)


def parts() -> Iterator[tuple[Path, str, str]]:
    """Every part that is made from results: its document, its name there, its text."""
    demo = sorted(read_rows(results_file("demo")), key=lambda row: row["seed"])
    for document in (ROOT / "README.md", page("demo")):
        yield document, "demo-table", success_table(demo)
    yield ROOT / "README.md", "demo-output", demo_output(demo[0])
    # Epochs are in order: the last row of a run stays.
    last = {(row["method"], row["seed"]): row for row in read_rows(results_file("denoisers"))}
    yield page("denoisers"), "denoisers-table", denoiser_table(list(last.values()))
    recorded = recorded_table(read_rows(results_file("recorded")))
    yield page("recorded"), "recorded-table", recorded
    curriculum = read_rows(results_file("curriculum"))
    picked = [row for row in curriculum if row["task"] == "pick_banana"]
    yield ROOT / "README.md", "curriculum-seeds", report_curriculum.seed_rows(picked)
    for name, text in report_curriculum.parts(curriculum):
        yield page("curriculum"), name, text
    adaptation = read_rows(results_file("adaptation"))
    for report in (report_admission, report_adaptation, report_lifetime_curriculum):
        for name, text in report.parts(adaptation):
            yield page("adaptation"), name, text
    for name, text in report_ladder.parts(read_rows(results_file("ladder"))):
        yield page("ladder"), name, text
    for name, text in report_degradation.parts(read_rows(results_file("degradation"))):
        yield page("degradation"), name, text
    of_arms = {"arm": report_arm, "faults": report_faults, "teleop": report_teleop}
    for study, of_rows in of_arms.items():
        for name, text in of_rows.parts(read_rows(results_file(study))):
            yield page(study), name, text
    for study, report in OF_THEIR_OWN.items():
        if rows := read_rows(results_file(study)):
            for name, text in report.parts(rows):
                yield page(study), name, text


def page(study: str) -> Path:
    """The study's own page."""
    return results_file(study).with_name("README.md")


def success_table(rows: list[Row]) -> str:
    """Seeds against phi sets."""
    lines = ["| seed | " + " | ".join(f"`{s}`" for s in PHI_SETS) + " | n | training CPU-s |"]
    lines.append("|---" * (len(PHI_SETS) + 3) + "|")
    for row in rows:
        cells = [str(row["seed"]), *(interval(row, s) for s in PHI_SETS)]
        cells += [str(row["success/point/n"]), f"{row['fit/cpu_s']:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def demo_output(row: Row) -> str:
    """What the demo prints at its end."""
    lines = ["```", "phi set   success   episodes   95 % interval"]
    for phi_set in PHI_SETS:
        key = f"success/{phi_set}"
        low, high = row[key + "/lo"], row[key + "/hi"]
        lines.append(f"{phi_set:9} {row[key]:7.3f} {row[key + '/n']:10d}   {low:.3f} to {high:.3f}")
    shown = {
        k: row[k] for k in ("success/point", "success/point/n", "success/near", "success/wide")
    }
    lines.append(f"RESULT {json.dumps(shown)[:-1]}, ...}}")
    return "\n".join([*lines, "```"])


def denoiser_table(rows: list[Row]) -> str:
    """The last checkpoint of every run."""
    lines = [
        "| denoiser | seed | `point` | `near` | `wide` | `table` | training CPU-s | chunk ms |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for row in sorted(rows, key=lambda r: (list(COLORS).index(r["method"]), r["seed"])):
        cells = [row["method"], str(row["seed"]), *(interval(row, s) for s in PHI_SETS)]
        cells += [f"{row['fit/cpu_s']:.0f}", f"{row['chunk_ms']:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def recorded_table(rows: list[Row]) -> str:
    """Methods against seconds ahead; the learned one for every seed."""
    lines = ["| method | seed | 0.25 s ahead | 0.5 s ahead | each episode at 0.25 s | at 0.5 s |"]
    lines.append("|---|---|---|---|---|---|")
    for row in sorted(rows, key=lambda r: (r["method"], r["seed"])):
        learned = row["method"] == "diffusion_policy"
        if not learned and row["seed"] > 0:
            continue  # nothing in it depends on a seed
        each = [
            " ".join(f"{v:.2f}" for k, v in row.items() if k.startswith(f"error/{s}s/episode"))
            for s in (0.25, 0.5)
        ]
        cells = [row["method"], str(row["seed"]) if learned else ""]
        cells += [f"{row['error/0.25s']:.2f}", f"{row['error/0.5s']:.2f}", *each]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def denoiser_figure(rows: list[Row]) -> Figure:
    """Success at point and near against training CPU-seconds, and against chunk latency."""
    runs: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r["epoch"]):
        runs[row["method"], row["seed"]].append(row)
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    point, near, latency = figure.subplots(1, 3)
    for (method, _), run in sorted(runs.items(), key=lambda item: item[0][1]):
        style = {"color": COLORS[method], "marker": ".", "lw": 1.2}
        seconds = [row["fit/cpu_s"] for row in run]
        point.plot(seconds, [row["success/point"] for row in run], label=method, **style)
        near.plot(seconds, [row["success/near"] for row in run], **style)
        latency.plot(run[-1]["chunk_ms"], run[-1]["success/point"], "o", color=COLORS[method])
    for axes, name in ((point, "point"), (near, "near"), (latency, "point")):
        axes.set_ylim(0, 1.03)
        axes.set_ylabel(f"success at {name}")
        axes.grid(alpha=0.3)
        ticks = (5, 10, 20, 50, 100) if axes is latency else (25, 50, 100, 200, 400, 800)
        axes.set_xscale("log")
        axes.set_xlim(0.8 * ticks[0], 1.3 * ticks[-1])
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
    point.axhline(0.95, color="gray", lw=0.8, ls="--")
    point.set_xlabel("training CPU-seconds")
    near.set_xlabel("training CPU-seconds")
    latency.set_xlabel("one chunk, ms (one thread)")
    handles = dict(zip(*reversed(point.get_legend_handles_labels()), strict=True))
    point.legend(handles.values(), handles.keys(), frameon=False)
    return figure


if __name__ == "__main__":
    main()
