"""What to learn from: tasks, and the sources that serve their data."""

from datamodules.bumped_camera import BumpedCamera
from datamodules.demonstrations import Demonstrations
from datamodules.four_axes import FourAxes
from datamodules.hidden_reach import HiddenReach
from datamodules.lifetimes import Lifetimes
from datamodules.pick_banana import PickBanana
from datamodules.place_in_bowl import PlaceInBowl
from datamodules.recorded import RecordedTask
from datamodules.rollouts import Rollouts
from datamodules.sources import Source, SourcedDataModule
from datamodules.task import TaskDataModule
from datamodules.wanted_object import WantedObject
from datamodules.wrong_homing import WrongHoming

__all__ = [
    "BumpedCamera",
    "Demonstrations",
    "FourAxes",
    "HiddenReach",
    "Lifetimes",
    "PickBanana",
    "PlaceInBowl",
    "RecordedTask",
    "Rollouts",
    "Source",
    "SourcedDataModule",
    "TaskDataModule",
    "WantedObject",
    "WrongHoming",
]
