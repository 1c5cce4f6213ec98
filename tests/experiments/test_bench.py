import io

import pytest
import torch
from rich.console import Console
from torch import nn

from experiments.bench import DOCUMENT, measure, write
from experiments.bench_denoisers import DENOISERS, LEROBOT, matrix_products
from experiments.bench_profile import shares
from experiments.bench_tables import tables
from experiments.results import read_rows, results_file
from experiments.timing import interleaved


@pytest.fixture(scope="module")
def row():
    return measure(seed=0, quick=True, console=Console(file=io.StringIO()))


def test_every_measure_stands_beside_its_floor(row):
    pairs = [(f"train_step_ms/{n}", f"train_step_ms/{n}/floor") for n in DENOISERS]
    pairs += [(f"chunk_ms/{n}", f"chunk_ms/{n}/floor") for n in DENOISERS]
    pairs += [(f"{n}_per_s", f"{a}/floor_{b}_per_s") for n, a, b in (
        ("loader/windows", "loader", "windows"), ("simulation/steps", "simulation", "steps"),
    )]  # fmt: skip
    for measured, floor in pairs:
        assert row[measured] > 0
        assert row[floor] > 0
    assert {"seed", "config", "wall_s", "cpu_s", "simulation/scaling_2_threads"} <= set(row)


def test_the_shares_of_a_profile_add_up(row):
    for prefix in ("profile/env_step/batch_1/", "profile/train_step/mlp/"):
        assert sum(v for k, v in row.items() if k.startswith(prefix)) == pytest.approx(1, abs=1e-3)


def test_the_tables_show_every_denoiser_and_batch_size(row):
    shown = {table.name: table for table in tables(row, LEROBOT)}
    labels = " ".join(line[0] for line in shown["denoisers"].rows)
    assert all(name in labels for name in DENOISERS)
    assert [line[0] for line in shown["simulation"].rows[:2]] == ["batch 1", "batch 2"]
    header, rule, *lines = shown["loader"].markdown().splitlines()
    assert header == "| loader | windows/s |"
    assert rule == "| --- | ---: |"
    assert len(lines) == len(shown["loader"].rows)


def test_the_document_shows_what_the_results_file_holds():
    rows = {r["method"]: r for r in read_rows(results_file("performance"))}
    for table in tables(rows["beachhead"], rows["lerobot 0.6.1"]):
        assert table.markdown() in DOCUMENT.read_text()


def test_written_results_and_tables_hold_the_run(row, tmp_path, monkeypatch):
    document = tmp_path / "performance.md"
    document.write_text(DOCUMENT.read_text())
    monkeypatch.setattr("experiments.bench.DOCUMENT", document)
    monkeypatch.setattr("experiments.bench.results_file", lambda name: tmp_path / "results.json")
    write(row)
    assert [r["method"] for r in read_rows(tmp_path / "results.json")] == [
        "beachhead",
        "lerobot 0.6.1",
    ]
    assert f"{row['loader/windows_per_s']:,.0f}" in document.read_text()


def test_alternatives_take_turns():
    order = []
    interleaved({n: lambda n=n: order.append(n) for n in "AB"}, rounds=3, seconds=0.0)
    assert "".join(order)[-6:] == "ABABAB"


def test_the_floor_holds_the_layers_with_weights_and_what_they_got():
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    found = matrix_products(network, lambda: network(torch.randn(5, 3)))
    assert [(tuple(x.shape), x.requires_grad) for _, x in found] == [
        ((5, 3), False),
        ((5, 4), True),
    ]


def test_a_profile_finds_the_part_that_takes_the_time():
    def heavy():
        return sum(i * i for i in range(20_000))

    part = shares(lambda: heavy(), {"heavy": ("test_bench.py", "heavy")}, repeats=3)
    assert part["heavy"] > 0.9
