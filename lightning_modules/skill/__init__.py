"""The skill ladder: one policy, from what it is down to what it can hardly do any more."""

from lightning_modules.skill.calibration import (
    NEAR,
    Calibrated,
    Setting,
    calibrate,
    nearest,
    on_the_line,
)
from lightning_modules.skill.checkpoints import EarlierCheckpoint
from lightning_modules.skill.controls import (
    ActionNoise,
    EpisodeTruncation,
    EpsilonRandom,
    WrongHypothesis,
)
from lightning_modules.skill.knob import Knob
from lightning_modules.skill.rung import Rung
from lightning_modules.skill.sampling import (
    DenoisingTruncation,
    Guidance,
    InitialTemperature,
    SampledBy,
    Stride,
    Temperature,
)

__all__ = [
    "NEAR",
    "ActionNoise",
    "Calibrated",
    "DenoisingTruncation",
    "EarlierCheckpoint",
    "EpisodeTruncation",
    "EpsilonRandom",
    "Guidance",
    "InitialTemperature",
    "Knob",
    "Rung",
    "SampledBy",
    "Setting",
    "Stride",
    "Temperature",
    "WrongHypothesis",
    "calibrate",
    "nearest",
    "on_the_line",
]
