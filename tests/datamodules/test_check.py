import json

import pytest
import torch

from datamodules import Rollouts, WantedObject, check
from datamodules.wanted_object import wanted
from robot.success_rate import SuccessRate


def rates(oracle, memoryless, memory_reset):
    given = {"oracle": oracle, "memoryless": memoryless, "memory_reset": memory_reset}
    return {name: SuccessRate(round(100 * rate), 100) for name, rate in given.items()}


def test_a_family_is_admitted_where_only_the_oracle_is_good():
    assert check.admitted(rates(0.9, 0.25, 0.6))
    assert not check.admitted(rates(0.9, 0.65, 0.2))  # nothing to find out
    assert not check.admitted(rates(0.9, 0.2, 0.65))  # found out within an episode
    assert not check.admitted(rates(0.2, 0.0, 0.0))  # the skill is missing


def test_what_has_been_found_stays_found():
    success = torch.tensor([[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)
    found = [[False, True, True, True], [False] * 4, [True] * 4]
    assert check.found_by(success).tolist() == found


def test_hypotheses_tried_in_turn_do_not_repeat():
    known = 4 * torch.rand(4096, 1, generator=torch.Generator().manual_seed(0))
    tried = check.spread_out(known, 4)
    assert tried[0] == pytest.approx(2.0, abs=0.1)
    assert wanted(tried).unique().numel() == 4
    square = torch.rand(4096, 2, generator=torch.Generator().manual_seed(1))
    corners = check.spread_out(square, 5)[1:]
    assert (((corners - 0.5).abs() - 0.5).abs() < 0.05).all()


def test_an_episode_long_enough_to_try_all_bananas_needs_no_memory():
    task = WantedObject("near", {"rollouts": Rollouts()})
    task.max_steps = 160
    found = check.admission(task, episodes=16, seed=0)
    assert found["memory_reset"].rate > found["memoryless"].rate + 0.2


@pytest.mark.parametrize("family", ["bumped_camera", "wanted_object"])
def test_the_command_says_who_succeeds_and_admits(family, capsys):
    with pytest.raises(SystemExit) as ended:
        check.main([family, "--episodes", "24"])
    assert ended.value.code == 0
    *_, last = capsys.readouterr().out.splitlines()
    result = json.loads(last.removeprefix("RESULT "))
    assert result["admitted"]
    assert result["oracle"] > 0.9
    assert result["memoryless/n"] == 24
    for shot in range(1, 7):
        cover, success = (result[f"adaptation/{k}/shot_{shot}"] for k in ("cover", "reference"))
        assert cover >= success


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pick_banana"], "invalid choice: 'pick_banana'"),
        (
            ["wanted_object", "--phi_set", "table"],
            "no phi set 'table'; there are point, near, wide",
        ),
        (["wanted_object", "--episodes", "0"], "episodes is 0"),
    ],
)
def test_bad_input_is_refused(words, sentence, capsys):
    with pytest.raises(SystemExit):
        check.main(words)
    assert sentence in capsys.readouterr().err
