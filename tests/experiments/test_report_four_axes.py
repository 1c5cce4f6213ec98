"""The table of four axes has every level and held-out part, before and after."""

from datamodules.four_axes import FourAxes
from experiments.report_four_axes import AXES, figure, parts


def row(method, episodes, phi="test", **rates):
    found = {"task": "four_axes", "method": method, "seed": 0, "phi": phi, "episodes": episodes}
    held_out = [f"held_out/{axis}" for axis in FourAxes.held_out]
    for name in (*FourAxes.phi_sets, *held_out):
        rate = rates.get(name.replace("/", "_"), 0.5)
        found |= {f"success/{name}": rate}
        found |= {f"success/{name}/lo": rate - 0.1, f"success/{name}/hi": rate + 0.1}
    return found


ROWS = [
    row("curriculum", 900, goals=0.8, held_out_goals=0.3),
    row("curriculum", 100, phi="validation"),
    row("beachhead", 0, goals=0.1),
]


def test_every_level_is_of_an_axis_and_every_axis_has_two():
    assert [name for levels in AXES.values() for name in levels] == list(FourAxes.phi_sets)
    assert list(AXES) == list(FourAxes.held_out)
    assert min(len(levels) for levels in AXES.values()) >= 2


def test_what_was_before_stands_beside_what_came_of_it():
    ((_, text),) = parts(ROWS)
    assert "| axis | phi set | beachhead, seed 0 | curriculum, seed 0 |" in text
    assert "| goals | `goals` | 0.100 (0.000 to 0.200) | 0.800 (0.700 to 0.900) |" in text
    assert "| goals | *held out* | 0.500 (0.400 to 0.600) | 0.300 (0.200 to 0.400) |" in text


def test_the_figure_shows_every_level():
    bars, way = figure(ROWS).axes
    shown = [label.get_text() for label in bars.get_xticklabels()]
    assert len(shown) == len(FourAxes.phi_sets) + len(FourAxes.held_out)
    assert len(way.lines) == len(FourAxes.phi_sets)
