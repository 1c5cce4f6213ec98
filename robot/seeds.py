"""Seeds as pure functions of what they are for; evaluation's never meet training's.

Every seed is below 2^32, which NumPy, MuJoCo environments and torch all take. The lower half
trains (and is where people's own seeds live), the upper half evaluates.
"""

from __future__ import annotations

import hashlib

HALF = 2**31


def training_seed(*key: int | str) -> int:
    """A seed in ``[0, 2^31)`` that depends on the whole key and nothing else.

    A key begins with what the seed is for, so that two purposes never share one.
    """
    return _mix("training", key)


def evaluation_seed(*key: int | str) -> int:
    """A seed in ``[2^31, 2^32)`` that depends on the whole key and nothing else."""
    return HALF + _mix("evaluation", key)


def seed_of_the_same_half(seed: int, *key: int | str) -> int:
    """A seed that depends on another and a key, for training or evaluation as the other is."""
    return (evaluation_seed if seed >= HALF else training_seed)(*key, seed)


def _mix(purpose: str, key: tuple[int | str, ...]) -> int:
    # Python's own hash() differs between versions; a digest does not.
    digest = hashlib.blake2b(repr((purpose, *key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % HALF
