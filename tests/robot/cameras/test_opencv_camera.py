"""A film in the place of a camera: what comes has a stamp, what stops is said."""

import time

import cv2
import numpy as np
import pytest

from robot.cameras.camera import CameraError, Lens
from robot.cameras.opencv_camera import OLDEST, OpenCVCamera

LENS = Lens(64, 48, 60.0)


@pytest.fixture
def film(tmp_path):
    path = str(tmp_path / "film.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for _ in range(20):
        writer.write(np.full((48, 64, 3), (0, 0, 200), dtype=np.uint8))  # red, in OpenCV's order
    writer.release()
    return path


def test_the_last_picture_is_given_in_rgb_with_its_stamp(film):
    camera = OpenCVCamera(film, LENS)
    frame = camera.latest()
    camera.close()
    assert frame.image.shape == (48, 64, 3)
    assert frame.image[..., 0].mean() > 150
    assert frame.image[..., 2].mean() < 60
    assert 0 <= time.monotonic() - frame.stamp < OLDEST


def test_a_camera_that_has_stopped_is_not_believed(film):
    camera = OpenCVCamera(film, LENS)
    camera.latest()
    time.sleep(OLDEST + 0.2)
    with pytest.raises(CameraError, match=r"has stopped 0\.\d s ago: is it plugged in"):
        camera.latest()
    camera.close()


def test_none_and_one_of_another_size_are_refused(film):
    with pytest.raises(CameraError, match="camera /dev/none cannot be opened"):
        OpenCVCamera("/dev/none", LENS)
    with pytest.raises(CameraError, match="gives pictures of 64 x 48, 640 x 480 were asked for"):
        OpenCVCamera(film, Lens(640, 480, 600.0))
