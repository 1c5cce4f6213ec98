"""Tags in rendered pictures with noise, against where things really are."""

import numpy as np
import pytest
import torch

from datamodules import PickBanana, Rollouts
from robot.cameras.tabletop import PLATE, TAG_SIZE
from robot.cameras.tags import TagDetector, tag_image, upright
from robot.simulation.opengl import NoOpenGLError
from robot.simulation.rendering import Renderer
from robot.simulation.tags import EYE, tagged
from robot.virtual.camera import LENS, VIEW

SIZES = {0: TAG_SIZE}


@pytest.fixture(scope="module")
def renderer():
    try:
        with Renderer(LENS.width, LENS.height) as found:
            yield found
    except NoOpenGLError as error:
        pytest.skip(str(error))


def pictures(renderer, n, noise):
    """Bananas all over the table, and where they are: position and first axis."""
    task = PickBanana("table", {"rollouts": Rollouts()})
    env = task.environment(n)
    now, chance = env.reset(), np.random.default_rng(0)
    seen = now["observation"]
    for i in range(n):
        model = tagged(task.scene(env.phi[i]), VIEW.tobytes(), LENS)
        image = renderer.draw(model, env.physics_state[i : i + 1], camera=EYE)[0]
        image = np.clip(image + noise * chance.normal(size=image.shape), 0, 255).astype(np.uint8)
        yield (
            image,
            seen["object_position"][i, 0].numpy(),
            seen["object_rotation"][i, 0, :3].numpy(),
        )
    env.close()


@pytest.mark.parametrize("noise", [0, 8])
def test_a_banana_anywhere_on_the_table_is_seen_where_it_lies(renderer, noise):
    detector, off, turned, n = TagDetector(LENS, SIZES), [], [], 24
    for image, position, axis in pictures(renderer, n, noise):
        seen = detector.find(image).get(0)
        if seen is None:
            continue
        pose = upright(seen, VIEW)
        top = position + np.array([0, 0, 0.0165 + PLATE])
        off.append(np.linalg.norm(pose[:3, 3] - top))
        turned.append(np.degrees(np.arccos(np.clip(pose[:3, 0] @ axis, -1, 1))))
    assert len(off) >= 0.7 * n  # the arm at home hides some
    assert np.median(off) <= 0.005
    assert np.median(turned) <= 5
    assert max(off) <= 0.01


def on_a_table(*numbers):
    """Tags side by side, 20 pixels a module, on grey."""
    image = np.full((LENS.height, LENS.width), 128, dtype=np.uint8)
    for i, number in enumerate(numbers):
        tag = tag_image(number, 20)
        image[200 : 200 + len(tag), 100 + 300 * i : 100 + 300 * i + len(tag)] = tag
    return np.repeat(image[:, :, None], 3, axis=2)


def test_only_tags_that_are_known_and_seen_once_are_found():
    detector = TagDetector(LENS, {1: 0.03, 2: 0.03})
    assert set(detector.find(on_a_table(1, 2, 3))) == {1, 2}
    assert set(detector.find(on_a_table(1, 2, 2))) == {1}
    assert detector.find(np.zeros((LENS.height, LENS.width, 3), dtype=np.uint8)) == {}


def test_a_tag_seen_face_on_is_as_far_away_as_its_size_says():
    (seen,) = TagDetector(LENS, {1: 0.03}).find(on_a_table(1)).values()
    # 8 modules of 20 pixels are 0.03 m.
    assert seen.poses[0][2, 3] == pytest.approx(LENS.focal * 0.03 / 160, rel=0.01)
    np.testing.assert_allclose(seen.corners.mean(axis=0), [199.5, 299.5], atol=0.5)


@pytest.mark.parametrize("number", [-1, 587])
def test_no_other_tags_than_the_family_has(number):
    with pytest.raises(ValueError, match=f"tag {number} is none of family 36h11: 0 to 586"):
        tag_image(number, 4)


def test_the_world_and_the_camera_agree_on_axes():
    ahead = VIEW[:3, 2]
    assert ahead @ (np.array([0.33, 0.0, 0.03]) - VIEW[:3, 3]) > 0
    assert VIEW[2, 1] < 0  # down in the picture is down in the world
    assert torch.linalg.det(torch.from_numpy(VIEW[:3, :3])) == pytest.approx(1)
