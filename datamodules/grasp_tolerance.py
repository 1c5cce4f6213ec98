"""By how much a pick may miss the banana: measured on scripted picks."""

from __future__ import annotations

import math

from torch import Tensor

# By how much a scripted pick may be wrong, m, along the banana and across it, and how far from
# there success has fallen to a quarter or risen to three: fitted to picks that were wrong by up to
# 12 cm each way. tests/datamodules/test_search.py measures whether it still holds.
ALONG, ACROSS, SOFTNESS = 0.072, 0.035, 0.005
RELIABLE = 0.97  # success of a pick that is not wrong


def chance_of_a_pick(x: Tensor, y: Tensor, yaw: Tensor) -> Tensor:
    """Success of a pick that is wrong by ``x`` and ``y`` (m, base frame), by the banana's ``yaw``.

    A grasp tolerates much along the banana and little across it. All three are broadcast.
    """
    cos, sin = yaw.cos(), yaw.sin()
    along, across = (cos * x + sin * y).abs(), (cos * y - sin * x).abs()
    scale = SOFTNESS / math.log(3)
    fits = ((ALONG - along) / scale).sigmoid() * ((ACROSS - across) / scale).sigmoid()
    return RELIABLE * fits
