"""Tables and sentences against numbers that were worked out by hand."""

from experiments.report_curriculum import (
    comparison_rows,
    last,
    replaced,
    significant,
)


def row(method, seed, wide, episodes=6000):
    success = {
        f"success/{s}{x}": v
        for s in ("point", "near", "wide", "table")
        for x, v in (("", wide), ("/lo", wide - 0.1), ("/hi", wide + 0.1), ("/n", 512))
    }
    head = {"study": "comparison", "method": method, "seed": seed, "phi": "test"}
    return head | success | {"episodes": episodes}


ROWS = [
    *(row("curriculum", seed, wide) for seed, wide in enumerate((0.90, 0.92, 0.91))),
    *(row("reinforce", seed, wide) for seed, wide in enumerate((0.60, 0.62, 0.64))),
    *(row("from_scratch", seed, 0.0) for seed in range(3)),
]


def test_the_demonstrations_that_were_replaced_are_interpolated_on_a_log_scale():
    ours = [{**row("curriculum", seed, 0.8), "study": "table"} for seed in range(2)]

    def cloned(successes):
        return [
            {**row("cloning_table", 0, s), "study": "demonstrations", "demonstrations": n}
            for n, s in successes.items()
        ]

    assert "with about 64 " in replaced([*ours, *cloned({32: 0.7, 128: 0.9})])
    assert "does not get there with 128: 0.700" in replaced([*ours, *cloned({32: 0.6, 128: 0.7})])
    assert "with 32 already: 0.850" in replaced([*ours, *cloned({32: 0.85, 128: 0.9})])
    assert replaced(ours) == ""


def test_of_each_run_the_last_row_counts():
    early = row("curriculum", 0, 0.1, episodes=100)
    assert [r["success/wide"] for r in last([ROWS[0], early])] == [0.90]


def test_the_comparison_shows_means_and_who_is_better():
    assert "boundary expansion | 3 | 0.910 (0.878 to 0.942) | 0.900 0.920" in comparison_rows(ROWS)
    assert "boundary expansion | 1 | 0.900 | 0.900 |" in comparison_rows(ROWS[:1])
    pairs = significant(ROWS)
    assert "| boundary expansion | REINFORCE |" in pairs
    assert "| REINFORCE | DPPO from scratch |" in pairs
    assert significant(ROWS[:3]) == "Too few seeds to say."
    alike = significant([*ROWS[:3], *(row("reinforce", s, 0.9 + 0.01 * s) for s in range(3))])
    assert "boundary expansion |" not in alike
    assert "half an interval is" in alike
