"""Tables and sentences against numbers that were worked out by hand."""

from experiments.report_curriculum import (
    comparison_rows,
    gate_rows,
    last,
    replaced,
    ring_rows,
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


def test_the_least_number_of_demonstrations_that_does_as_well_is_named():
    ours = [{**row("curriculum", seed, 0.8), "study": "table"} for seed in range(2)]

    def cloned(successes):
        return [
            {**row("cloning_table", 0, s), "study": "demonstrations", "demonstrations": n}
            for n, s in successes.items()
        ]

    between = replaced([*ours, *cloned({32: 0.7, 128: 0.9, 512: 0.95})])
    assert "gets there with 128: 0.900, not with 32: 0.700." in between
    assert "does not get there with 128: 0.700" in replaced([*ours, *cloned({32: 0.6, 128: 0.7})])
    assert replaced([*ours, *cloned({32: 0.85, 128: 0.9})]).endswith("gets there with 32: 0.850.")
    assert replaced(ours) == ""


def test_of_each_run_the_last_row_counts():
    early = row("curriculum", 0, 0.1, episodes=100)
    assert [r["success/wide"] for r in last([ROWS[0], early])] == [0.90]


def test_the_comparison_shows_means_and_who_is_better():
    assert "boundary expansion | 3 | 0.910 (0.878 to 0.942) | 0.900 0.920" in comparison_rows(ROWS)
    assert "boundary expansion | 1 | 0.900 | 0.900 |" in comparison_rows(ROWS[:1])
    begun = [row("curriculum", seed, 0.4, episodes=0) for seed in range(3)]
    before, after = comparison_rows([*begun, *ROWS]).splitlines()[2:4]
    assert before.startswith("| the beachhead, before | 3 | 0.400")
    assert after.startswith("| boundary expansion | 3 | 0.910")
    pairs = significant(ROWS)
    assert "| boundary expansion | REINFORCE |" in pairs
    assert "| REINFORCE | DPPO from scratch |" in pairs
    assert "\n0 more pairs" in pairs
    assert significant(ROWS[:3]) == "Too few seeds to say."
    alike = significant([*ROWS[:3], *(row("reinforce", s, 0.9 + 0.01 * s) for s in range(3))])
    assert "boundary expansion |" not in alike
    assert "half an interval is" in alike


def test_pairs_that_the_correction_takes_away_are_only_counted():
    # p is .004 between the first two, and there are ten pairs of five alike.
    near = [*(row("learnability", s, 0.904 + 0.02 * s) for s in range(3)), *ROWS[:3]]
    others = [
        row(method, s, 0.91 + 0.03 * ((s + i) % 3))
        for i, method in enumerate(("timetable", "no_op_filter", "level_replay"))
        for s in range(3)
    ]
    assert "|---|---|---|---|---|\n\n" in significant([*near, *others])


def test_a_gate_run_is_shown_where_it_began_and_where_it_ended():
    def tested(phi, episodes, **values):
        rates = row("gate_off", 0, 0.5, episodes) | {"study": "gate", "phi": phi}
        corner = {f"success/corner{x}": 0.25 for x in ("", "/lo", "/hi", "/n")}
        return rates | corner | values

    rows = [tested("test", 0), tested("test", 900), tested("validation", 900, level=1.0)]
    (begun, ended) = gate_rows(rows).splitlines()[2:]
    assert begun.startswith("| one large step, gate off | 0 | 0 | 0.00 | 0.500")
    assert ended.startswith("| one large step, gate off | 0 | 900 | 1.00 | 0.500")
    assert "| 0.250 (0.250 to 0.250) |" in ended


def test_refused_rings_are_counted():
    ring = {"study": "rings", "task": "pick_banana", "method": "curriculum", "seed": 0}
    tried = [
        ring | {"ring": i, "accepted": e > 0.1, "expected_return": e, "level": 0.1 * i}
        for i, e in enumerate((0.9, 0.0, 0.4))
    ]
    assert "| pick_banana | curriculum, seed 0 | 3 | 1 | 0.00 | 0.20 |" in ring_rows(tried)
