"""Which stage of the road is out of date, and what its page says of numbers known before."""

import pytest

from experiments import road
from experiments.road_page import human_timescale, write_page


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A repository with the road's configs alone, and stages that only leave a trace."""
    for stage in road.STAGES.values():
        for config in stage.configs:
            path = tmp_path / "configs" / f"{config}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"trainer: {{callbacks: []}} # {config}")
    monkeypatch.setattr(road, "ROOT", tmp_path)
    monkeypatch.setattr(road.training, "ROOT", tmp_path)
    gone = []

    def fit(arguments, run):
        if not (run / "done").is_file():
            gone.append(run.name)
            (run / "done").touch()

    monkeypatch.setattr(road.training, "fit", fit)
    monkeypatch.setattr(road.training, "predict", lambda *_: gone.append("lifetimes"))
    return tmp_path, gone


def go(gone):
    gone.clear()
    for name in road.STAGES:
        road.Road("cpu").go(name)
    return list(gone)


def test_a_stage_is_gone_again_only_where_it_or_one_before_it_has_changed(elsewhere):
    root, gone = elsewhere
    assert go(gone) == list(road.STAGES)
    assert go(gone) == []
    changed = "trainer: {callbacks: []} # changed"
    (root / "configs" / "hidden_reach" / "lifetime_gradient.yaml").write_text(changed)
    assert go(gone) == ["lifetime_gradient", "student"]
    changes = root / "configs" / "road" / "cpu" / "curriculum.yaml"
    changes.parent.mkdir(parents=True)
    changes.write_text("shorter")
    assert go(gone) == list(road.STAGES)[1:]


def test_what_is_out_of_date_is_removed_with_the_data_it_made(elsewhere):
    root, gone = elsewhere
    go(gone)
    data = root / "data" / "road" / "cpu" / "lifetimes"
    data.mkdir(parents=True)
    (root / "configs" / "bumped_camera" / "lifetimes.yaml").write_text("changed")
    go(gone)
    assert not data.exists()


def test_a_dry_run_starts_from_another_road_and_leaves_its_own_alone(elsewhere, monkeypatch):
    root, _ = elsewhere
    tried = []
    monkeypatch.setattr(road.training, "try_out", lambda stage, words: tried.append(words))
    for name in road.STAGES:
        road.Road("gpu").try_out(name, road.Road("smoke"))
    checkpoints = [str(w) for words in tried for w in words if str(w).endswith(".ckpt")]
    assert len(checkpoints) == 5
    assert all("runs/road/smoke/" in checkpoint for checkpoint in checkpoints)
    assert [path.name for path in (root / "runs" / "road" / "gpu").iterdir()] == ["dry_run"]


def row_of(method, *success):
    row = {"method": method, "scale": "cpu", "commit": "abc", "command": "python it.py"}
    row |= {"fit/wall_s": 60.0, "fit/cpu_s": 50.0}
    row |= {f"machine/{name}": "1" for name in ("cpu", "cores", "torch", "mujoco")}
    if method == "lifetimes":
        return row
    if not success:
        return row | {"success/point": 1.0, "success/table": 0.5, "time/scripted_s": 200.0}
    for shot, rate in enumerate(success, start=1):
        row |= {
            f"adaptation/success/shot_{shot}": rate,
            f"adaptation/success/shot_{shot}/n": 512,
            f"adaptation/robot_s/shot_{shot}": 5.0 * shot,
        }
    return row


def test_the_time_it_takes_to_adapt_is_that_of_the_first_attempt_that_is_good_enough():
    rows = [row_of("beachhead"), row_of("student", 0.3, 0.6, 0.79, 0.8, 0.85, 0.9)]
    text = human_timescale(rows)
    assert "200 s of a script's" in text
    assert "from attempt 4 on, after 20 s of robot time" in text
    slow = [row_of("beachhead"), row_of("student", 0.3, 0.4, 0.5, 0.6, 0.6, 0.7)]
    assert "does not reach 80%: it is 70%" in human_timescale(slow)


def test_the_page_names_every_stage_and_the_command(tmp_path):
    rows = [row_of("beachhead"), row_of("lifetimes"), row_of("student", *[0.5] * 6)]
    write_page(tmp_path, rows, tmp_path / "no runs")
    text = (tmp_path / "README.md").read_text()
    assert "| beachhead | 60 | 50 | `point` 1.000, `table` 0.500 |" in text
    assert "| lifetimes | 60 | 50 | |" in text
    assert "| student | 60 | 50 | shot 1 0.500, shot 6 0.500 |" in text
    assert "make road SCALE=cpu" in text
    assert (tmp_path / "adaptation.png").is_file()
