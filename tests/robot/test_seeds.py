from hypothesis import given
from hypothesis import strategies as st

from robot.seeds import evaluation_seed, training_seed

keys = st.lists(st.integers(0, 2**40), max_size=4)


@given(keys, keys)
def test_training_and_evaluation_never_share_a_seed(one, other):
    assert 0 <= training_seed(*one) < 2**31 <= evaluation_seed(*other) < 2**32


def test_seeds_are_the_same_in_every_process_and_version():
    assert training_seed(0, 1, 2) == 862251377
    assert evaluation_seed(0, 1, 2) == 2**31 + 314963698


def test_each_part_of_the_key_counts():
    seeds = {training_seed(a, b, c) for a in range(5) for b in range(5) for c in range(5)}
    assert len(seeds) == 125
