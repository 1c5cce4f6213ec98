import pytest
import torch

from experiments import bench_meta_learner as bench
from experiments.results import read_rows, results_file


def test_the_document_shows_what_the_results_file_holds():
    (row,) = (r for r in read_rows(results_file("performance")) if r["method"] == "meta_learner")
    assert bench.markdown([row]) in bench.DOCUMENT.read_text()


@pytest.mark.slow
@pytest.mark.realtime
def test_the_trunk_costs_in_proportion_to_what_is_generated_only_with_its_cache():
    torch.set_num_threads(1)
    found = bench.growing()
    short, long = bench.LENGTHS[1], bench.LENGTHS[-1]
    growth = {
        way: found[f"trunk_s/{way}/{long}"] / found[f"trunk_s/{way}/{short}"]
        for way in ("cached", "uncached")
    }
    assert growth["cached"] < 2.5 * long / short
    assert growth["uncached"] > 4 * long / short
