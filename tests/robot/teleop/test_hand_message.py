import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot.teleop.hand_message import HandMessage, MessageError, read_message

GOOD = {
    "sequence": 3,
    "time": 1.5,
    "held": True,
    "position": [0.1, 0, -0.2],
    "rotation": [1, 0, 0, 0],
    "opening": 0.5,
}


def test_what_is_sent_is_what_is_read():
    sent = HandMessage(7, 0.25, False, np.array([0.1, 2.0, -3.0]), np.array([0, 0.6, 0, 0.8]), 1.0)
    read = read_message(json.loads(sent.text()))
    assert (read.sequence, read.time, read.held, read.opening) == (7, 0.25, False, 1.0)
    np.testing.assert_allclose(read.position, sent.position)
    np.testing.assert_allclose(read.rotation, sent.rotation)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"held": 1}, "held is 1, must be true or false"),
        ({"sequence": -1}, "sequence is -1"),
        ({"sequence": True}, "sequence is True"),
        ({"position": [0, 0]}, "position is \\[0, 0\\], must be 3 numbers"),
        ({"position": [0, 0, math.nan]}, "position holds nan"),
        ({"position": [0, 0, 11]}, "position holds 11, must be a number up to 10"),
        ({"position": [0, 0, "1"]}, "position holds '1'"),
        ({"rotation": [0, 0, 0, 0]}, "rotation has the length 0"),
        ({"rotation": [1, 1, 0, 0]}, "rotation has the length 1.41"),
        ({"opening": -0.1}, "opening is -0.1"),
        ({"opening": 2}, "opening holds 2"),
        ({"time": math.inf}, "time holds inf"),
    ],
)
def test_a_message_that_is_none_is_refused_in_one_sentence(change, said):
    with pytest.raises(MessageError, match=said) as refused:
        read_message({**GOOD, **change})
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", GOOD)
def test_a_message_that_lacks_something_says_what(name):
    rest = {key: value for key, value in GOOD.items() if key != name}
    with pytest.raises(MessageError, match=f"has no '{name}'"):
        read_message(rest)


# Numbers, lists, objects, text: whatever JSON can say.
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=8,
)


CHANGES = st.dictionaries(st.sampled_from([*GOOD, "more"]), JSON, min_size=1, max_size=3)


@settings(max_examples=500, deadline=None)
@given(change=CHANGES)
def test_whatever_is_sent_is_read_as_numbers_within_bounds_or_refused(change):
    read_or_refused(change)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(change=CHANGES)
def test_ten_thousand_messages_are_read_or_refused(change):
    read_or_refused(change)


def read_or_refused(change):
    try:
        read = read_message({**GOOD, **change})
    except MessageError:
        return
    assert np.isfinite(read.position).all()
    assert np.abs(read.position).max() <= 10
    assert np.linalg.norm(read.rotation) == pytest.approx(1)
    assert 0 <= read.opening <= 1
    assert math.isfinite(read.time)
