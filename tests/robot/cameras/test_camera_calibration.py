"""Calibration against a camera whose place is known: made-up corners, with noise."""

import numpy as np
import pytest

from robot.cameras.calibration import calibrate, load_calibration
from robot.cameras.camera import Lens
from robot.cameras.tags import TagDetector, tag_corners
from robot.cameras.transforms import angle, inverse, looking_at, transform

LENS = Lens(1280, 960, 1250.0)
CAMERA = looking_at(np.array([0.85, 0.1, 0.6]), np.array([0.35, 0.0, 0.1]))
SIZE = 0.04
ON_HAND = transform(np.diag([1.0, 1.0, 1.0]), np.array([-0.05, 0.003, 0.026]))


def turned(axis, angle):
    axis = np.array(axis) / np.linalg.norm(axis)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def poses(n, spread=0.5, seed=0):
    """Hands with the tag towards the camera."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        towards = turned([0, 1, 0], 0.9) @ turned(chance.normal(size=3), spread * chance.random())
        point = np.array([0.35, 0.0, 0.15]) + chance.uniform(-0.08, 0.08, 3)
        found.append(transform(towards, point))
    return found


def seen(hand, noise, chance):
    """The tag as the camera has it, its corners by hand."""
    corners = tag_corners(SIZE) @ (hand @ ON_HAND)[:3, :3].T + (hand @ ON_HAND)[:3, 3]
    local = (corners - CAMERA[:3, 3]) @ CAMERA[:3, :3]
    pixels = local[:, :2] / local[:, 2:] * LENS.focal + [(1280 - 1) / 2, (960 - 1) / 2]
    pixels = pixels + noise * chance.normal(size=(4, 2))
    return TagDetector(LENS, {0: SIZE})._seen(pixels, SIZE)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_the_camera_and_the_tag_are_found(noise):
    chance, hands = np.random.default_rng(1), poses(14)
    found = calibrate(hands, [seen(h, noise, chance) for h in hands], SIZE, LENS)
    off = np.linalg.norm(found.base_from_camera[:3, 3] - CAMERA[:3, 3])
    assert off < (1e-4 if noise == 0 else 5e-3)
    assert np.degrees(angle(found.base_from_camera, CAMERA)) < (0.01 if noise == 0 else 0.5)
    assert np.linalg.norm(found.hand_from_tag[:3, 3] - ON_HAND[:3, 3]) < 2e-3
    assert found.error == pytest.approx(noise * np.sqrt(2), abs=0.1 + noise / 2)


def test_too_few_poses_and_poses_that_are_alike_are_refused():
    chance = np.random.default_rng(0)
    hands = poses(4)
    with pytest.raises(ValueError, match="seen in 4 poses, at least 5 are needed"):
        calibrate(hands, [seen(h, 0, chance) for h in hands], SIZE, LENS)
    hands = poses(8, spread=0.05)
    with pytest.raises(ValueError, match="turn the gripper"):
        calibrate(hands, [seen(h, 0, chance) for h in hands], SIZE, LENS)


def test_a_tag_that_slips_is_noticed():
    chance, hands = np.random.default_rng(0), poses(12)
    tags = [seen(h, 0, chance) for h in hands]
    slipped = [transform(h[:3, :3], h[:3, 3] + [0, 0.02 * (i % 2), 0]) for i, h in enumerate(hands)]
    with pytest.raises(ValueError, match="what was seen does not fit: corners are off by"):
        calibrate(slipped, tags, SIZE, LENS)


def test_it_is_kept_and_compared(tmp_path):
    chance, hands = np.random.default_rng(1), poses(10)
    found = calibrate(hands, [seen(h, 0.1, chance) for h in hands], SIZE, LENS)
    found.save(tmp_path / "camera.yaml")
    again = load_calibration(tmp_path / "camera.yaml")
    assert again.moved(found) == pytest.approx((0, 0), abs=1e-6)
    assert again.error == found.error
    with pytest.raises(FileNotFoundError, match="no camera was calibrated"):
        load_calibration(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("base_from_camera: [1, 2]\n")
    with pytest.raises(ValueError, match=r"bad\.yaml is no camera's calibration"):
        load_calibration(tmp_path / "bad.yaml")


def test_a_transform_and_its_inverse_are_the_identity():
    np.testing.assert_allclose(CAMERA @ inverse(CAMERA), np.eye(4), atol=1e-12)
