"""Curricula: which task parameters the next attempts are at, and when their set grows."""

from callbacks.curriculum.boundary import BoundaryExpansion
from callbacks.curriculum.callback import Curriculum
from callbacks.curriculum.strategy import Proposal, Strategy

__all__ = ["BoundaryExpansion", "Curriculum", "Proposal", "Strategy"]
