"""The table of those who adapt, against numbers that were worked out by hand."""

from experiments.report_adaptation import BESIDE, figure, parts


def row(method, seed, *success, n=512):
    found = {"task": "wanted_object", "method": method, "seed": seed}
    for who in ("success", "found", *BESIDE):
        for shot in range(1, 7):
            rate = {"reference": 0.9, "cover": 0.95}.get(who, success[shot - 1])
            found[f"adaptation/{who}/shot_{shot}"] = rate
            found[f"adaptation/{who}/shot_{shot}/n"] = n
    found["adaptation/robot_s/shot_6"] = 30.0
    return found


ROWS = [
    row("meta_learner", 0, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9),
    row("meta_learner", 1, 0.8, 0.8, 0.8, 0.9, 0.9, 0.95),
    row("informed", 0, *[0.2] * 6),
]


def test_the_page_says_how_far_the_learner_is_below_the_reference_at_the_worst_shot():
    ((name, text),) = parts(ROWS)
    assert name == "adaptation-wanted_object"
    # At shot 1: .9 - (.6 + .8) / 2.
    # With two seeds t is 12.706: .2 -+ 12.706 * .1.
    assert "most 0.200 (-1.071 to 1.471; 0.300 under the worst seed) below that of the" in text
    assert "most 0.250 (-1.021 to 1.521; 0.350 under the worst seed) below what the" in text
    assert "take 30 s of robot time" in text
    assert "| meta-learner | 2 | 0.700 | 0.750 | 0.800 | 0.900 | 0.900 | 0.925 |" in text
    assert "| Algorithm Distillation, informed | 1 | 0.200 |" in text


def test_everyone_has_a_curve():
    (axes,) = figure(ROWS).axes
    assert {t.get_text() for t in axes.get_legend().get_texts()} == {
        "meta-learner",
        "Algorithm Distillation, informed",
        *BESIDE.values(),
    }


def test_a_name_has_one_colour_and_stands_in_the_legend_whichever_panel_it_is_in():
    elsewhere = [
        row("informed", 0, *[0.3] * 6) | {"task": "other"},
        row("noise_curriculum", 0, *[0.1] * 6) | {"task": "other"},
    ]
    first, second = figure([*ROWS, *elsewhere]).axes
    colours = [
        {line.get_label(): line.get_color() for line in axes.lines if line.get_label()[0] != "_"}
        for axes in (first, second)
    ]
    both = set(colours[0]) & set(colours[1])
    assert both == {"Algorithm Distillation, informed"}
    assert all(colours[0][name] == colours[1][name] for name in both)
    everyone = colours[0] | colours[1]
    assert len(set(everyone.values())) == len(everyone)
    assert {t.get_text() for t in second.get_legend().get_texts()} == set(everyone)
