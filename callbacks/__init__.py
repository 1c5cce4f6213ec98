"""What happens between epochs: rollouts, their pictures and their summary."""

from callbacks.denoising import DenoisingPicture
from callbacks.evaluation import RolloutEvaluation
from callbacks.heatmap import SuccessHeatmap
from callbacks.operator_time import OperatorTime
from callbacks.predictions import PredictionWriter
from callbacks.rollout_observer import RolloutObserver, Rollouts
from callbacks.summary import Summary
from callbacks.video import RolloutVideo

__all__ = [
    "DenoisingPicture",
    "OperatorTime",
    "PredictionWriter",
    "RolloutEvaluation",
    "RolloutObserver",
    "RolloutVideo",
    "Rollouts",
    "SuccessHeatmap",
    "Summary",
]
