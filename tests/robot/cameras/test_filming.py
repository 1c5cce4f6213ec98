"""Films are kept with the episode they are of, picture by picture."""

import time

import numpy as np
import pytest
import torch
from filmed import Counting

from robot.cameras.filming import Filming
from robot.episode_edit import relabel, trim
from robot.episode_info import EpisodeInfo
from robot.episodes import EpisodeStore
from robot.film import Film, write_film


def test_a_film_holds_each_picture_and_when_it_was_taken():
    camera, begun = Counting(), time.monotonic()
    filming = Filming(camera, 50)
    time.sleep(0.5)
    film = filming.end()
    stamps = np.array(film.stamps)
    assert 5 < len(stamps) == camera.taken
    assert begun < stamps[0]
    assert (np.diff(stamps) > 0.015).all()
    shades = [picture.mean() for picture in film.pictures()]
    np.testing.assert_allclose(shades, [min(250, 10 * i) for i in range(len(stamps))], atol=4)
    filming.close()
    assert not film.file.exists()


def test_a_camera_that_fails_ends_the_film_not_the_episode():
    filming = Filming(Counting(3), 100)
    time.sleep(0.2)
    film = filming.end()
    assert len(film.stamps) == len(list(film.pictures())) == 3
    assert filming.trouble == "the film ends early: it fell down"
    filming.close()
    filming = Filming(Counting(0), 100)
    time.sleep(0.1)
    assert filming.end() is None
    filming.close()


@pytest.fixture
def stored(tmp_path, reach_spec, make_episode):
    """A store with a filmed episode of ten steps, and its film."""
    store, episode = EpisodeStore.create(tmp_path / "reach", reach_spec), make_episode(10)
    file = tmp_path / "film.mp4"
    write_film(file, 10, [np.full((48, 64, 3), 20 * i, dtype=np.uint8) for i in range(6)])
    first = float(episode["observation_time"][0])
    film = Film(file, tuple(first + 0.15 + 0.1 * i for i in range(6)))
    store.append(episode, EpisodeInfo("mel", True), {"front": film})
    return store, film


def test_an_episode_says_which_picture_was_the_last(stored):
    store, film = stored
    episode, kept = store.load(0), store.films(0)["front"]
    times = episode["observation_time"].flatten().tolist()
    expected = [max([i for i, s in enumerate(film.stamps) if s <= t], default=0) for t in times]
    assert episode["frame", "front"].flatten().tolist() == expected
    assert episode["frame", "front"].dtype == torch.int64
    assert kept.stamps == film.stamps
    assert [round(p.mean() / 20) for p in kept.pictures()] == list(range(6))


def test_who_edits_an_episode_keeps_its_film(stored):
    store, film = stored
    before = store.load(0)["frame", "front"].clone()
    new = trim(store, relabel(store, 0, success=False), 3, 8)
    assert store.films(new)["front"].stamps == film.stamps
    torch.testing.assert_close(store.load(new)["frame", "front"], before[3:9])
    store.delete(new)
    assert not list(store.path.rglob("*.mp4"))


def test_a_damaged_film_is_found(stored):
    store, _ = stored
    file = store.films(0)["front"].file
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"front\.mp4 is truncated or damaged"):
        store.films(0)
    assert len(store.load(0)) == 10
