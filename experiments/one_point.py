"""PickBanana demonstrated at exactly one point: phi_1 itself, without the spread of ``point``."""

from __future__ import annotations

from datamodules.pick_banana import SPACE, PickBanana, around_phi_1


class PickBananaAtOnePoint(PickBanana):
    """The same task, with a set of a single task parameter, ``one_point``, inside all others."""

    phi_sets = SPACE.nested([around_phi_1("one_point", 0.0, 0.0), *PickBanana.phi_sets.values()])
