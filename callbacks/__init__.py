"""What happens between epochs: rollouts, their pictures and their summary."""

from callbacks.collection import RolloutCollection
from callbacks.curriculum import (
    BoundaryExpansion,
    Curriculum,
    CurriculumHeatmap,
    InOrder,
    Learnability,
    LevelReplay,
    NoOpFilter,
    Timetable,
)
from callbacks.denoising import DenoisingPicture
from callbacks.divergence import DivergenceGuard
from callbacks.evaluation import RolloutEvaluation
from callbacks.heatmap import SuccessHeatmap
from callbacks.lifetimes import (
    AdaptationEvaluation,
    DAgger,
    Explorer,
    Hindsight,
    LifetimeVideo,
    LifetimeWriter,
    Mixture,
    OneExplorer,
)
from callbacks.operator_time import OperatorTime
from callbacks.predictions import PredictionWriter
from callbacks.rollout_observer import EvaluatedRollouts, RolloutObserver
from callbacks.summary import Summary
from callbacks.video import RolloutVideo

__all__ = [
    "AdaptationEvaluation",
    "BoundaryExpansion",
    "Curriculum",
    "CurriculumHeatmap",
    "DAgger",
    "DenoisingPicture",
    "DivergenceGuard",
    "EvaluatedRollouts",
    "Explorer",
    "Hindsight",
    "InOrder",
    "Learnability",
    "LevelReplay",
    "LifetimeVideo",
    "LifetimeWriter",
    "Mixture",
    "NoOpFilter",
    "OneExplorer",
    "OperatorTime",
    "PredictionWriter",
    "RolloutCollection",
    "RolloutEvaluation",
    "RolloutObserver",
    "RolloutVideo",
    "SuccessHeatmap",
    "Summary",
    "Timetable",
]
