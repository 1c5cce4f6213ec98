"""A card says what there is, and keeps the licence that was given once."""

import pytest
from PIL import Image

from robot.data_card import write_card
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore


@pytest.fixture
def store(tmp_path, reach_spec, make_episode):
    made = EpisodeStore.create(tmp_path / "reach", reach_spec, arm="viperx300s")
    for seed, steps in enumerate((10, 30)):
        info = EpisodeInfo("mel", seed == 0, {"radius": 0.3 + seed / 10}, human_s=steps / 10)
        made.append(make_episode(steps, seed), info)
    return made


def test_it_says_what_there_is(store):
    write_card(store, store.path)
    said = (store.path / "README.md").read_text()
    for fact in (
        "| task | reach |",
        "| arm | viperx300s |",
        "| episodes | 2, 1 of them successful |",
        "| steps | 40 at 10 Hz, 10 to 30 an episode |",
        "| a person drove | 4 s |",
        "| operators | mel (2) |",
        "| radius | 0.300 | 0.400 |",
        "| `action` | 2 | rad, gripper m |",
        "license: other",
        "![Where things lay, and how it went](coverage.png)",
    ):
        assert fact in said
    picture = Image.open(store.path / "coverage.png")
    colors = set(picture.convert("RGB").getdata())
    assert {(44, 160, 44), (214, 39, 40)} <= colors  # one succeeded, one failed


def test_a_licence_stays(store, tmp_path, make_episode):
    write_card(store, store.path, "CC-BY-4.0")
    store.append(make_episode(5), EpisodeInfo("mel", True, {"radius": 0.5}))
    write_card(store, store.path)
    said = (store.path / "README.md").read_text()
    assert "license: CC-BY-4.0" in said
    assert "| episodes | 3, 2" in said
    (tmp_path / "out").mkdir()
    write_card(store, tmp_path / "out")
    assert "license: CC-BY-4.0" in (tmp_path / "out" / "README.md").read_text()


def test_of_nothing_nothing_is_told(tmp_path, reach_spec):
    empty = EpisodeStore.create(tmp_path / "empty", reach_spec)
    with pytest.raises(ValueError, match="holds no episode yet"):
        write_card(empty, empty.path)
    assert not (empty.path / "README.md").exists()
