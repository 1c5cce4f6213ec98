"""What is believed of objects while they are hidden."""

import numpy as np

from robot.cameras.tracker import ObjectTracker
from robot.cameras.transforms import transform

WIDTH = 0.047
CLOSED, OPEN = 0.035, 0.1


def at(x, z=0.02):
    return transform(np.eye(3), np.array([x, 0.0, z]))


def position(tracker):
    return tracker.poses[0][:3, 3].tolist()


def test_what_is_hidden_stays_where_it_was_seen():
    tracker = ObjectTracker({0: WIDTH})
    assert tracker.poses == {}
    tracker.update({0: at(0.3)}, at(0.5), OPEN)
    tracker.update({}, at(0.4), OPEN)
    assert position(tracker) == [0.3, 0.0, 0.02]


def test_what_the_hand_holds_goes_where_the_hand_goes():
    tracker = ObjectTracker({0: WIDTH})
    tracker.update({0: at(0.3)}, at(0.3), OPEN)
    tracker.update({}, at(0.3), CLOSED)
    tracker.update({}, at(0.3, 0.12), CLOSED)
    np.testing.assert_allclose(position(tracker), [0.3, 0.0, 0.12])
    tracker.update({}, at(0.3, 0.12), OPEN)  # it was let go of
    tracker.update({}, at(0.3, 0.3), OPEN)
    np.testing.assert_allclose(position(tracker), [0.3, 0.0, 0.12])


def test_what_is_seen_counts_more_than_what_is_believed():
    tracker = ObjectTracker({0: WIDTH})
    tracker.update({0: at(0.3)}, at(0.3), CLOSED)
    tracker.update({0: at(0.3)}, at(0.3, 0.2), CLOSED)  # it has slipped
    tracker.update({}, at(0.3, 0.3), CLOSED)
    np.testing.assert_allclose(position(tracker), [0.3, 0.0, 0.02])


def test_an_object_far_from_the_hand_is_not_in_it():
    tracker = ObjectTracker({0: WIDTH, 1: WIDTH})
    tracker.update({0: at(0.3), 1: at(0.5)}, at(0.3), CLOSED)
    tracker.update({}, at(0.3, 0.2), CLOSED)
    np.testing.assert_allclose(tracker.poses[1][:3, 3], [0.5, 0.0, 0.02])
    tracker.forget()
    assert tracker.poses == {}
