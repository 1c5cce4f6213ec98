"""The numbers of ``make bench`` as tables, for a terminal and for docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich import table as rich_table

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Cells as they are shown; the first column is text, the others are numbers."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def rich(self) -> rich_table.Table:
        """For a terminal."""
        shown = rich_table.Table(title=self.name)
        for i, column in enumerate(self.columns):
            shown.add_column(column, justify="right" if i else "left")
        for row in self.rows:
            shown.add_row(*row)
        return shown

    def markdown(self) -> str:
        """For a document."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.rows))


def tables(row: Row, published: Row) -> list[Table]:
    """All tables of a run; ``published`` holds numbers of a peer, measured elsewhere."""
    shown = [loader(row, published), denoisers(row, published), simulation(row)]
    return [*shown, env_step_profile(row), train_step_profile(row)]


def loader(row: Row, published: Row) -> Table:
    """Windows a second."""
    ours, floor = row["loader/windows_per_s"], row["loader/floor_windows_per_s"]
    peer = published["loader/windows_per_s"]
    lines = [
        ("Demonstrations", f"{ours:,.0f}"),
        ("floor: plain indexing", f"{floor:,.0f}"),
        ("times the floor", f"{ours / floor:.2f}"),
        (f"{published['method']}, published", f"{peer:,.0f}"),
        (f"seconds to open {row['loader/steps']:,.0f} steps", f"{row['loader/open_s']:.2f}"),
    ]
    return Table("loader", ("loader", "windows/s"), tuple(lines))


def denoisers(row: Row, published: Row) -> Table:
    """Milliseconds of training steps and chunks, each with its floor and the peer's."""
    lines: list[tuple[str, ...]] = []
    prefix = "train_step_ms/"
    names = [k.removeprefix(prefix) for k in row if k.startswith(prefix) and k.count("/") == 1]
    for name in names:
        for label, key in (
            ("training step, batch 256", f"train_step_ms/{name}"),
            ("chunk, batch 1", f"chunk_ms/{name}"),
            ("chunk, batch 32", f"chunk_ms/{name}/batch_32"),
        ):
            ours, floor, peer = row[key], row[f"{key}/floor"], published.get(key)
            cells = (f"{ours:.1f}", f"{floor:.1f}", f"{ours / floor:.2f}")
            lines.append((f"{name}: {label}", *cells, "" if peer is None else f"{peer:.0f}"))
    columns = ("denoiser", "ms", "floor, ms", "times the floor", f"{published['method']}, ms")
    return Table("denoisers", columns, tuple(lines))


def simulation(row: Row) -> Table:
    """Environment steps a second by batch size."""
    prefix = "simulation/floor_steps_per_s/"
    lines: list[tuple[str, ...]] = []
    for key in (key.removeprefix(prefix) for key in row if key.startswith(prefix)):
        one, floor = row[f"simulation/steps_per_s/{key}"], row[f"{prefix}{key}"]
        two = row[f"simulation/steps_per_s/{key}/threads_2"]
        cells = (f"{one:,.0f}", f"{floor:,.0f}", f"{one / floor:.2f}", f"{two:,.0f}")
        lines.append((key.replace("_", " "), *cells))
    columns = ("environment steps/s", "1 thread", "floor", "share of the floor", "2 threads")
    scaling = row["simulation/scaling_2_threads"], row["simulation/scaling_2_threads/by_cpu"]
    lines.append(("2 threads over 1 at batch 64", "", "", "", f"{scaling[1]:.2f}"))
    lines.append(("the same by wall time", "", "", "", f"{scaling[0]:.2f}"))
    return Table("simulation", columns, tuple(lines))


def env_step_profile(row: Row) -> Table:
    """Where the time of an environment step goes."""
    one, many = (parts(row, f"profile/env_step/batch_{n}/") for n in (1, 64))
    lines = tuple((part, f"{one[part]:.0%}", f"{many[part]:.0%}") for part in one)
    return Table("env step", ("part of an environment step", "batch 1", "batch 64"), lines)


def train_step_profile(row: Row) -> Table:
    """Where the time of a training step goes."""
    shares = parts(row, "profile/train_step/mlp/")
    lines = tuple((part, f"{share:.0%}") for part, share in shares.items())
    return Table("train step", ("part of a training step", "mlp"), lines)


def parts(row: Row, prefix: str) -> dict[str, float]:
    """The values under a prefix, by what follows it."""
    return {k.removeprefix(prefix): v for k, v in row.items() if k.startswith(prefix)}
