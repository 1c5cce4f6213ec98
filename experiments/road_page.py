"""The page of the whole road: what it took, what came of it, and the pictures made on the way."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from experiments.results import PHI_SETS, Row, replace_text

SHOTS = range(1, 7)
ENOUGH = 0.8
FIGURE = "adaptation.png"
# Where stages leave their pictures, and what is to be seen there.
PICTURES = {
    "curriculum/curriculum/growth.gif": "The set of positions grows as the policy learns",
    "meta_learner/adaptation/video.gif": "A lifetime of the meta-learner, attempt by attempt",
}
# Published, as their papers have it; nothing of it was measured here.
BESIDE = """Beside it, from the papers, on other tasks and other robots:

| | taught by | adapts in |
|---|---|---|
| AdA (2301.07608), a simulated world | reinforcement learning alone | up to 13 trials |
| BridgeData V2 | 60,096 trajectories | does not |
| Open X-Embodiment | about 1M trajectories of 22 robots | does not |
| DROID | 76k trajectories, 350 h of people's time | does not |
| ResFiT, on a real robot | demonstrations, then reward | 15 to 76 min a task, by gradients |"""


def write_page(folder: Path, rows: Sequence[Row], runs: Path) -> None:
    """Writes ``README.md`` and its pictures.

    Args:
        folder: where.
        rows: of the tests, in the order of the stages.
        runs: the folder of the stages' runs.
    """
    scale = rows[0]["scale"]
    learners = [row for row in rows if "adaptation/success/shot_1" in row]
    adaptation_figure(learners).savefig(folder / FIGURE, dpi=110)
    parts = [
        "# The whole road",
        f"`make road SCALE={scale}`, commit {rows[0]['commit']}, {rows[0]['machine/cpu']}, "
        f"{rows[0]['machine/cores']} cores, torch {rows[0]['machine/torch']}, MuJoCo "
        f"{rows[0]['machine/mujoco']}.",
        "## What it took, and what came of it",
        stage_table(rows),
        "Success: of a policy without memory on the phi sets; of those who adapt at their "
        "first and sixth attempt; on task parameters that nothing was trained on.",
        "## Human timescale",
        human_timescale(rows),
        BESIDE,
        "## Adaptation",
        f"![Success by attempt]({FIGURE})",
        adaptation_table(learners),
    ]
    for picture, caption in PICTURES.items():
        source = runs / picture
        if source.is_file():
            name = picture.replace("/", "-")
            shutil.copy(source, folder / name)
            parts.append(f"![{caption}]({name})")
    parts += ["## Commands", "```", *commands(rows), "```"]
    text = "\n\n".join(parts[:-4]) + "\n\n" + "\n".join(parts[-4:])
    replace_text(folder / "README.md", text + "\n")


def stage_table(rows: Sequence[Row]) -> str:
    """A stage a row: seconds of computing, success."""
    lines = ["| stage | wall, s | CPU, s | success |", "|---|---:|---:|---|"]
    for row in rows:
        took = f"{row['fit/wall_s']:.0f} | {row['fit/cpu_s']:.0f}"
        lines.append(f"| {row['method']} | {took} | {success_of(row)} |".replace("|  |", "| |"))
    return "\n".join(lines)


def success_of(row: Row) -> str:
    """What a test says, in a few words; nothing where nothing is tested."""
    if "adaptation/success/shot_1" in row:
        first, last = (row[f"adaptation/success/shot_{h}"] for h in (1, SHOTS[-1]))
        return f"shot 1 {first:.3f}, shot {SHOTS[-1]} {last:.3f}"
    tested = [name for name in PHI_SETS if f"success/{name}" in row]
    return ", ".join(f"`{name}` {row[f'success/{name}']:.3f}" for name in tested)


def human_timescale(rows: Sequence[Row]) -> str:
    """Seconds a person, or the script in their place, drove, and robot seconds to adapt."""
    first, last = rows[0], rows[-1]
    driven = first.get("time/human_s", 0.0), first.get("time/scripted_s", 0.0)
    taught = (
        f"Demonstrations took {driven[0]:.0f} s of a person's time and {driven[1]:.0f} s of a "
        "script's in their place, once."
    )
    reached = [h for h in SHOTS if last[f"adaptation/success/shot_{h}"] >= ENOUGH]
    if not reached:
        best = max(last[f"adaptation/success/shot_{h}"] for h in SHOTS)
        return f"{taught} The student's success does not reach {ENOUGH:.0%}: it is {best:.0%}."
    seconds = last[f"adaptation/robot_s/shot_{reached[0]}"]
    return (
        f"{taught} On a task parameter that it has never seen the student succeeds in {ENOUGH:.0%} "
        f"from attempt {reached[0]} on, after {seconds:.0f} s of robot time."
    )


def adaptation_table(learners: Sequence[Row]) -> str:
    """Success by shot of everyone, and of the reference."""
    lines = ["| | " + " | ".join(f"shot {h}" for h in SHOTS) + " | n |", "|---" * 8 + "|"]
    for name, curve, n in curves(learners):
        lines.append(f"| {name} | " + " | ".join(f"{rate:.3f}" for rate in curve) + f" | {n} |")
    return "\n".join(lines)


def curves(learners: Sequence[Row]) -> list[tuple[str, list[float], int]]:
    """Each learner's name, success by shot and lifetimes; then the reference, if it was tested."""
    found: list[tuple[str, list[float], int]] = []
    for who in ("success", "reference"):
        for row in learners:
            key = f"adaptation/{who}/shot_"
            if f"{key}1" not in row or (who == "reference" and found[-1][0] == who):
                continue
            name = row["method"] if who == "success" else who
            found.append((name, [row[f"{key}{h}"] for h in SHOTS], row[f"{key}1/n"]))
    return found


def adaptation_figure(learners: Sequence[Row]) -> Figure:
    """Success by shot."""
    drawn = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = drawn.subplots()
    for name, curve, _ in curves(learners):
        axes.plot(SHOTS, curve, "k--" if name == "reference" else "-", label=name, lw=2)
    axes.set(xlabel="shot", ylabel="success", ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn


def commands(rows: Sequence[Row]) -> list[str]:
    """What remakes the numbers."""
    return [f"make road SCALE={rows[0]['scale']}", str(rows[0]["command"])]
