import pytest
import torch

from robot.__main__ import main
from robot.episode_edit import relabel, trim
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore


@pytest.fixture
def store(tmp_path, reach_spec, make_episode):
    made = EpisodeStore.create(tmp_path / "reach", reach_spec)
    for seed in range(3):
        made.append(make_episode(10, seed), EpisodeInfo("mel", True, human_s=1.0, robot_s=1.0))
    return made


def test_what_is_relabelled_is_the_same_but_for_its_end(store):
    before = store.load(1).clone()
    new = relabel(store, 1, success=False, notes="it slipped")
    assert store.ids == [0, 2, new]
    after, info = store.load(new), store.info(new)
    assert (info.success, info.notes, info.human_s) == (False, "it slipped", 1.0)
    torch.testing.assert_close(after["action"], before["action"])
    last = {key: after["next", key][-1].item() for key in after["next"].keys()}  # noqa: SIM118
    assert last == {"reward": 0.0, "terminated": False, "truncated": True, "done": True}
    torch.testing.assert_close(after["next"][:-1], before["next"][:-1])
    assert store.info(relabel(store, new, success=True)).notes == "it slipped"


def test_what_is_trimmed_ends_where_it_was_cut(store):
    before = store.load(0).clone()
    new = trim(store, 0, 2, 6)
    after = store.load(new)
    torch.testing.assert_close(after["action"], before["action"][2:7])
    assert after["next", "terminated"].flatten().tolist() == [False] * 4 + [True]
    assert after["next", "reward"].sum() == 1
    assert store.info(new).human_s == pytest.approx(0.5)
    with pytest.raises(ValueError, match=r"has the steps 0 to 4, none from 3 to 5"):
        trim(store, new, 3, 5)


def test_an_id_is_never_given_out_twice(store, make_episode):
    store.delete(2)
    assert store.ids == [0, 1]
    assert store.append(make_episode(5), EpisodeInfo("mel", True)) == 3
    with pytest.raises(KeyError, match="no episode 2"):
        store.delete(2)


def said(capsys, store, *words):
    main(["episodes", words[0], str(store.path), *words[1:]])
    return " ".join(capsys.readouterr().out.split())


def test_the_command_line_does_what_it_says(store, capsys, tmp_path):
    assert "3 episodes of reach at 10 Hz" in said(capsys, store, "list")
    assert "3 episodes, 0 of them not as" in said(capsys, store, "check")
    assert "episode 0 is now 3: failure" in said(capsys, store, "relabel", "0", "--failure")
    assert "episode 3 is now 4: 6 steps" in said(capsys, store, "trim", "3", "--first", "4")
    assert "episode 1 is gone; 2 are left" in said(capsys, store, "delete", "1")
    assert "2 episodes" in said(capsys, store, "plot", "--to", str(tmp_path / "plot.png"))
    assert (tmp_path / "plot.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["delete"], "are required: episode"),
        (["relabel", "1"], "one of the arguments --success --failure is required"),
        (["delete", "7"], "no episode 7 in"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(store, capsys, words, error):
    with pytest.raises(SystemExit):
        main(["episodes", words[0], str(store.path), *words[1:]])
    assert error in capsys.readouterr().err
    assert len(store) == 3


def test_a_damaged_episode_is_found(store, capsys):
    steps = store.path / "episodes" / "00000001" / "steps"
    steps.write_bytes(steps.read_bytes()[:-1])
    with pytest.raises(SystemExit):
        main(["episodes", "check", str(store.path)])
    assert "episode 1: " in capsys.readouterr().out
