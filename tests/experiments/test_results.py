import json
from concurrent.futures import ProcessPoolExecutor

import pytest

from experiments.results import machine, read_rows, replace_between, replace_text, write_rows


def row(method="ours", seed=0, **metrics):
    return {"task": "toy", "method": method, "seed": seed, "command": "make toy", **metrics}


def write_one(path, seed):
    write_rows(path, [row(seed=seed)])


def test_a_run_replaces_the_earlier_one_of_the_same_identity_and_no_other(tmp_path):
    path = tmp_path / "toy" / "results.json"
    write_rows(path, [row(seed=0, success=0.1), row(seed=1, success=0.2)])
    write_rows(path, [row(seed=0, success=0.9), row("theirs", success=0.3)])
    kept = [(r["method"], r["seed"], r["success"]) for r in read_rows(path)]
    assert kept == [("ours", 0, 0.9), ("ours", 1, 0.2), ("theirs", 0, 0.3)]


def test_more_keys_can_tell_runs_apart(tmp_path):
    path = tmp_path / "results.json"
    for epoch in (1, 2):
        write_rows(path, [row(epoch=epoch)], identity=("task", "method", "seed", "epoch"))
    assert [r["epoch"] for r in read_rows(path)] == [1, 2]


def test_a_run_that_is_done_again_leaves_none_of_its_earlier_rows(tmp_path):
    path = tmp_path / "results.json"
    write_rows(path, [row(step=1), row(step=2), row(step=3), row(seed=1, step=1)])
    write_rows(path, [row(step=1), row(step=4)])
    assert [(r["seed"], r["step"]) for r in read_rows(path)] == [(0, 1), (0, 4), (1, 1)]


def test_a_file_that_is_not_there_holds_no_runs(tmp_path):
    assert read_rows(tmp_path / "results.json") == []


def test_a_run_without_its_command_or_with_a_nested_value_is_refused(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(ValueError, match="lacks seed, command; it has task, method"):
        write_rows(path, [{"task": "toy", "method": "ours"}])
    with pytest.raises(ValueError, match="flat, 'success' is not"):
        write_rows(path, [row(success=[0.1, 0.2])])
    assert not path.exists()


def test_writers_at_the_same_time_lose_no_run(tmp_path):
    path = tmp_path / "results.json"
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(write_one, [path] * 20, range(20)))
    assert sorted(r["seed"] for r in read_rows(path)) == list(range(20))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "results.json"
    write_rows(path, [row()])
    before = path.read_text()
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "\ud800")
    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.json"]


def test_text_between_markers_is_replaced_and_the_rest_kept(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("a\n<!-- t -->\nold\n<!-- /t -->\nb\n")
    for text in ("new\n", "newer"):
        replace_between(document, "t", text)
    assert document.read_text() == "a\n<!-- t -->\nnewer\n<!-- /t -->\nb\n"
    with pytest.raises(ValueError, match="lacks the markers"):
        replace_between(document, "u", "x")


def test_the_machine_is_described_by_flat_values():
    described = machine()
    assert json.loads(json.dumps(described)) == described
    assert {"machine/cpu", "machine/cores", "machine/torch", "machine/mujoco"} <= set(described)
