import pytest

from experiments import bench_curriculum
from experiments.results import read_rows, results_file


@pytest.mark.slow
def test_collecting_and_learning_is_slower_than_physics_alone():
    row = bench_curriculum.measure(iterations=3)
    assert 0.1 < row["curriculum/share_of_floor"] < 1
    assert 0 < row["curriculum/collecting"] < 1
    expected = 80 * 256 / row["curriculum/iteration_s"]  # no attempt of random weights ends early
    assert row["curriculum/steps_per_s"] == pytest.approx(expected, rel=0.02)


def test_the_document_shows_what_the_results_file_holds():
    (row,) = (r for r in read_rows(results_file("performance")) if r["method"] == "curriculum")
    assert bench_curriculum.markdown(row) in bench_curriculum.DOCUMENT.read_text()
