"""What a teacher saves, worked out by hand."""

from experiments.report_distillation import figure, parts, steps_to


def row(method, phi, rate, steps=0, seed=0):
    found = {"task": "pick_banana", "method": method, "seed": seed, "phi": phi, "steps": steps}
    return found | {
        "success/table": rate,
        "success/table/lo": rate - 0.02,
        "success/table/hi": rate + 0.02,
    }


def run(method, *rates, seed=0):
    """Measured every 1,000 steps, and once more at the end."""
    way = [row(method, "validation", r, 1000 * i, seed) for i, r in enumerate(rates)]
    return [*way, row(method, "test", rates[-1], 1000 * (len(rates) - 1), seed)]


ROWS = [
    row("teacher", "test", 0.95),
    *run("reverse_distillation", 0.7, 0.96, 0.97),
    *run("without_teacher", 0.7, 0.8, 0.9, 0.94, 0.95),
]


def test_a_run_counts_from_when_it_first_was_as_good():
    assert steps_to(ROWS[1:4], 0.95) == 1000
    assert steps_to(ROWS[1:4], 0.99) is None


def test_the_share_is_of_the_steps_without_a_teacher():
    ((_, text),) = parts(ROWS)
    last = text.splitlines()[-1]
    assert last.startswith("| 0 | 0.950 (0.930 to 0.970) | 0.970 (0.950 to 0.990) | 0.950 ")
    assert last.endswith("| 1,000 | 4,000 | 0.25 |")


def test_where_it_was_never_reached_the_share_is_a_bound():
    rows = [*ROWS[:5], *run("without_teacher", 0.7, 0.8, 0.9)]
    ((_, text),) = parts(rows)
    assert text.splitlines()[-1].endswith("| 1,000 | not in 2,000 | < 0.50 |")


def test_a_panel_a_seed():
    rows = [*ROWS, row("teacher", "test", 0.9, seed=1), *run("without_teacher", 0.5, seed=1)]
    first, second = figure(rows).axes
    assert (len(first.lines), len(second.lines)) == (3, 3)
