import mink
import numpy as np
import pytest

from robot.teleop.playout import Playout

STILL = np.array([1.0, 0.0, 0.0, 0.0])


def moving(time):
    return np.array([0.1 * time, 0.0, -0.2 * time])


def test_on_a_good_line_the_newest_pose_is_due_at_once():
    playout = Playout()
    for i in range(10):
        playout.add(i / 60, 0.0, moving(i / 60), STILL)
        np.testing.assert_allclose(playout.at(i / 60)[0], moving(i / 60))


def test_on_a_bad_line_the_motion_is_that_of_the_hand_a_little_later():
    random = np.random.default_rng(0)
    late = 0.05 * random.random(200)
    late[:5] = 0.05  # so that it knows from the start
    coming = sorted((i / 60 + late[i], i) for i in range(200) if random.random() > 0.05)
    playout, checked = Playout(), 0
    for now in np.arange(0.2, 3.0, 0.01):
        while coming and coming[0][0] <= now:
            _, i = coming.pop(0)
            playout.add(i / 60, late[i], moving(i / 60), STILL)
        np.testing.assert_allclose(playout.at(now)[0], moving(now - 0.05), atol=0.004)
        checked += 1
    assert checked == 280


def test_between_two_poses_it_turns_along_the_shorter_way():
    playout = Playout()
    for time, angle in ((0.0, 3.0), (0.1, 3.4)):  # across half a turn
        playout.add(time, 0.05, np.zeros(3), mink.SO3.from_z_radians(angle).wxyz)
    turned = mink.SO3(playout.at(0.1)[1])
    expected = mink.SO3.from_z_radians(3.2)
    assert np.linalg.norm((turned @ expected.inverse()).log()) == pytest.approx(0.0, abs=1e-9)


def test_a_jump_happens_at_once():
    playout = Playout()
    playout.add(0.0, 0.05, np.zeros(3), STILL)
    playout.add(0.1, 0.05, np.array([0.3, 0, 0]), STILL)
    assert {playout.at(0.05 + t)[0][0] for t in (0.0, 0.03, 0.09)} == {0.0}
    assert playout.at(0.16)[0][0] == 0.3


def test_only_the_last_poses_are_kept_and_what_is_cleared_is_gone():
    playout = Playout()
    for i in range(10_000):
        playout.add(i / 60, 0.0, moving(i / 60), STILL)
    assert len(playout._seen) < 40
    playout.clear()
    playout.add(200.0, 0.0, np.ones(3), STILL)
    np.testing.assert_allclose(playout.at(200.0)[0], 1.0)
