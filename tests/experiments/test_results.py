import json

import pytest

from experiments import bench_loader, bench_simulation, report
from experiments.bench_denoisers import DENOISERS, bench_denoiser
from experiments.results import read_rows, replace_between, write_rows

ROW = {"task": "t", "method": "m", "seed": 0, "command": "python x.py", "success/point": 0.5}


def test_a_row_replaces_the_one_of_the_same_run_and_leaves_others(tmp_path):
    path = tmp_path / "study" / "results.json"
    write_rows(path, [ROW, ROW | {"seed": 1}])
    write_rows(path, [ROW | {"success/point": 0.75}])
    assert [(row["seed"], row["success/point"]) for row in read_rows(path)] == [(0, 0.75), (1, 0.5)]
    assert json.loads(path.read_text()) == read_rows(path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({k: v for k, v in ROW.items() if k != "command"}, "a result lacks command"),
        (ROW | {"success": {"point": 0.5}}, "results are flat, 'success' is not"),
    ],
)
def test_a_row_that_says_too_little_or_is_nested_is_refused(tmp_path, row, message):
    with pytest.raises(ValueError, match=message):
        write_rows(tmp_path / "results.json", [row])
    assert not (tmp_path / "results.json").exists()


def test_only_what_is_between_the_markers_of_a_document_changes(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- x -->\nold\n<!-- /x -->\nafter\n")
    replace_between(document, "x", "new")
    assert document.read_text() == "before\n<!-- x -->\nnew\n<!-- /x -->\nafter\n"
    with pytest.raises(ValueError, match="lacks the markers"):
        replace_between(document, "y", "new")


def test_the_loader_and_its_floor_are_measured():
    measured = bench_loader.bench_loader(num_episodes=3, steps=30, batch_size=16, rounds=1)
    assert measured["loader/steps"] == 90
    assert measured["loader/windows_per_s"] > 0
    assert measured["loader/floor_windows_per_s"] > 0


@pytest.mark.parametrize("name", sorted(DENOISERS))
def test_a_training_step_takes_longer_than_its_matrix_products(name):
    measured = bench_denoiser(name, rounds=2, seconds=0.0)
    assert measured[f"train_step_ms/{name}"] > measured[f"train_step_ms/{name}/floor"] > 0
    assert measured[f"chunk_ms/{name}"] > 0


def test_the_simulation_and_raw_physics_are_measured_on_the_same_steps():
    measured = bench_simulation.bench_simulation((2,), picks=1, max_steps=2, env_steps=4)
    assert measured["simulation/steps_per_s"] > 0
    assert measured["simulation/floor_steps_per_s"] > measured["simulation/steps_per_s"] * 0.5


def test_committed_pages_hold_what_the_committed_results_say():
    for name in ("demo", "denoisers", "recorded"):
        page = report.results_file(name).with_name("README.md").read_text()
        rows = read_rows(report.results_file(name))
        if name == "recorded":
            assert report.recorded_table(rows) in page
        elif name == "demo":
            assert report.success_table(sorted(rows, key=lambda row: row["seed"])) in page
        else:
            last = {(row["method"], row["seed"]): row for row in rows}
            assert report.denoiser_table(list(last.values())) in page
