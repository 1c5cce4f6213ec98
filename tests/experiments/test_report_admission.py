"""The admission of families, as the page has it."""

from experiments.report_admission import parts


def row(task, seed, oracle, memoryless, reset):
    rates = {"oracle": oracle, "memoryless": memoryless, "memory_reset": reset}
    n = {f"{who}/n": 512 for who in rates}
    return {"task": task, "method": "admission", "study": "admission", "seed": seed, **rates, **n}


def test_seeds_are_one_line_and_the_gap_is_between_the_ends_of_intervals():
    rows = [row("a", 0, 1.0, 0.25, 0.30), row("a", 1, 1.0, 0.25, 0.40), {"task": "a", "seed": 0}]
    ((name, text),) = parts(rows)
    assert name == "admission"
    line = text.splitlines()[-1]
    assert line.startswith("| `a` | 2 | 1024 | 1.000 (0.996 to 1.000) | 0.250 (0.224 to 0.277)")
    # Wilson, by hand: 358 of 1,024 is 0.321 to 0.379, and 0.996 - 0.379 = 0.617.
    assert line.endswith("| 0.617 at least |")
    assert not list(parts(rows[2:]))
