"""A data card: what episodes there are, in a README.md and a picture, for others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tensordict import TensorDictBase
from torch import Tensor

from robot.episode_info import EpisodeInfo
from robot.episode_plot import FAILED, SUCCEEDED
from robot.episodes import EpisodeStore
from robot.schema import OBSERVATION

CARD, COVERAGE = "README.md", "coverage.png"
_RANGES = ["## Task parameters", "", "| | from | to |", "|---|---|---|"]
UNSTATED = "not stated: ask who recorded it"


def write_card(store: EpisodeStore, folder: str | Path, licence: str | None = None) -> None:
    """Writes the card and its picture into a folder, which may be the store's own.

    Args:
        store: that is described; not empty.
        folder: that is there.
        licence: its SPDX identifier; what an earlier card says stays, if None.

    Raises:
        ValueError: if there is no episode, or one cannot be read.
    """
    ids, folder = store.ids, Path(folder)
    if not ids:
        raise ValueError(f"{store.path} holds no episode yet, there is nothing to tell")
    infos = [store.info(i) for i in ids]
    drawn = _coverage(store, ids, infos)
    if drawn is not None:
        drawn.savefig(folder / COVERAGE, dpi=110)
    licence = licence or _licence(folder / CARD) or _licence(store.path / CARD)
    text = _card(store, infos, licence, pictured=drawn is not None)
    temporary = folder / f".{CARD}"
    temporary.write_text(text)
    temporary.replace(folder / CARD)


def _licence(card: Path) -> str | None:
    """What a card that is there says."""
    if not card.is_file():
        return None
    for line in card.read_text().splitlines():
        if line.startswith("license: ") and line != "license: other":
            return line.removeprefix("license: ")
    return None


def _card(
    store: EpisodeStore, infos: Sequence[EpisodeInfo], licence: str | None, *, pictured: bool
) -> str:
    spec, provenance = store.spec, store.metadata["provenance"]
    steps = [store.num_steps(i) for i in store.ids]
    seconds = store.total_seconds()
    operators = Counter(info.operator for info in infos)
    cameras = sorted(set[str]().union(*(store.cameras(i) for i in store.ids)))
    facts = {
        "task": spec.task,
        "arm": provenance.get("arm", provenance.get("robot_type")) or "not stated",
        "episodes": f"{len(infos)}, {sum(info.success for info in infos)} of them successful",
        "steps": f"{sum(steps)} at {spec.rate:g} Hz, {min(steps)} to {max(steps)} an episode",
        "a person drove": f"{seconds['human']:.0f} s",
        "a script drove": f"{seconds['scripted']:.0f} s",
        "the arm moved": f"{seconds['robot']:.0f} s",
        "operators": ", ".join(f"{name} ({n})" for name, n in operators.items()),
        "cameras": ", ".join(cameras) or "none filmed",
        "licence": licence or UNSTATED,
    }
    units = store.metadata["units"]
    fields = [
        f"| `{name}` | {len(bounds)} | {units.get(name, '')} |"
        for name, bounds in {**spec.observation, "action": spec.action}.items()
    ]
    phi = {name: [info.phi[name] for info in infos if name in info.phi] for name in infos[0].phi}
    ranges = [f"| {k} | {min(v):.3f} | {max(v):.3f} |" for k, v in phi.items()]
    return "\n".join(
        [
            "---",
            f"license: {licence or 'other'}",
            "task_categories: [robotics]",
            "tags: [LeRobot, beachhead]",
            "configs: [{config_name: default, data_files: data/*/*.parquet}]",
            "---",
            "",
            f"# {spec.task.replace('_', ' ').capitalize()}",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in facts.items()),
            "",
            *([*_RANGES, *ranges, ""] if ranges else []),
            *([f"![Where things lay, and how it went]({COVERAGE})", ""] if pictured else []),
            "## Fields",
            "",
            "| | numbers | unit |",
            "|---|---|---|",
            *fields,
            "",
            f"Action: {', '.join(spec.joints)}.",
            "",
        ]
    )


def _coverage(
    store: EpisodeStore, ids: Sequence[int], infos: Sequence[EpisodeInfo]
) -> Figure | None:
    """Where things lay at the start, over the table, and how often each task parameter was what."""
    names = list(infos[0].phi)
    seen = "object_position" in store.spec.observation
    panels = int(seen) + len(names)
    if panels == 0:
        return None
    drawn = Figure(figsize=(3.2 * panels, 3.2), layout="constrained")
    axes = list(drawn.subplots(1, panels, squeeze=False)[0])
    if seen:
        table = axes.pop(0)
        for i, info in zip(ids, infos, strict=True):
            first: TensorDictBase = store.load(i).get(OBSERVATION)[0]
            place: Tensor = first.get("object_position").reshape(-1, 3)
            there: Tensor = first.get("object_mask", place.any(1)) > 0
            x, y = place[there][:, 0], place[there][:, 1]
            table.scatter(-y, x, s=14, color=SUCCEEDED if info.success else FAILED)
        table.plot(0, 0, "k^", ms=8)
        table.set_aspect("equal", adjustable="datalim")
        table.set_title("objects at the start, from above, m", fontsize=9)
        table.set_xlabel("the arm is at the triangle; red: failed", fontsize=8)
    for name, panel in zip(names, axes, strict=True):
        values = {kind: [i.phi[name] for i in infos if i.success == kind] for kind in (True, False)}
        bins = np.histogram_bin_edges([*values[True], *values[False]], 12)
        colors = [SUCCEEDED, FAILED]
        panel.hist([values[True], values[False]], bins.tolist(), stacked=True, color=colors)
        panel.set_title(name, fontsize=9)
    for panel in drawn.axes:
        panel.tick_params(labelsize=7)
    return drawn
