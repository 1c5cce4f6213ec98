import pytest

from experiments import bench_curriculum
from experiments.results import read_rows, results_file


@pytest.mark.slow
@pytest.mark.realtime
def test_collecting_and_learning_is_slower_than_physics_alone():
    row = bench_curriculum.measure(3, None)
    assert 0.1 < row["curriculum/share_of_floor"] < 1
    assert 0 < row["curriculum/collecting"] < 1
    expected = 80 * 256 / row["curriculum/iteration_s"]  # no attempt of random weights ends early
    assert row["curriculum/steps_per_s"] == pytest.approx(expected, rel=0.02)


def test_the_document_shows_what_the_results_file_holds():
    measured = {row["method"]: row for row in read_rows(results_file("performance"))}
    rows = [measured[method] for method in bench_curriculum.STARTS]
    assert bench_curriculum.markdown(rows) in bench_curriculum.DOCUMENT.read_text()
