"""What reward adds, against numbers that were worked out by hand."""

from experiments.report_adaptation import parts as adaptation_parts
from experiments.report_lifetime_curriculum import figure, parts


def row(method, seed, success, reference=None):
    found = {"task": "hidden_reach", "study": "lifetime_curriculum", "method": method, "seed": seed}
    for who, rate in (("success", success), ("reference", reference)):
        for shot in range(1, 7):
            if rate is not None:
                found[f"adaptation/{who}/shot_{shot}"] = rate + 0.01 * shot
                found[f"adaptation/{who}/shot_{shot}/n"] = 2048
    return found


ROWS = [
    row("start", 0, 0.3),
    row("start", 1, 0.4),
    row("meta_learner_rl", 0, 0.5, 0.6),
    row("uniform", 0, 0.55, 0.6),
]


def test_the_mean_over_shots_is_that_of_all_seeds():
    ((name, text),) = parts(ROWS)
    assert name == "lifetime_curriculum-hidden_reach"
    start, grown, uniform, reference = text.splitlines()[2:]
    assert start.startswith("| no reward: as it was cloned | 2 | 0.360 | 0.370 |")
    assert "| 0.385 |" in start
    assert "| 0.535 |" in grown
    assert "| 0.585 |" in uniform
    assert reference.startswith("| reference | 1 | 0.610 |")


def test_everyone_has_a_curve():
    (axes,) = figure(ROWS).axes
    assert len(axes.get_legend().get_texts()) == 4


def test_the_other_tables_of_the_page_leave_them_out():
    assert list(adaptation_parts(ROWS)) == []
