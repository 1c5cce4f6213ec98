"""Curricula: which task parameters the next attempts are at, and when their set grows."""

from callbacks.curriculum.boundary import BoundaryExpansion
from callbacks.curriculum.callback import Curriculum
from callbacks.curriculum.growth import CurriculumHeatmap
from callbacks.curriculum.in_order import InOrder
from callbacks.curriculum.learnability import Learnability
from callbacks.curriculum.level_replay import LevelReplay
from callbacks.curriculum.no_op import NoOpFilter
from callbacks.curriculum.strategy import Proposal, Strategy
from callbacks.curriculum.timetable import Timetable

__all__ = [
    "BoundaryExpansion",
    "Curriculum",
    "CurriculumHeatmap",
    "InOrder",
    "Learnability",
    "LevelReplay",
    "NoOpFilter",
    "Proposal",
    "Strategy",
    "Timetable",
]
