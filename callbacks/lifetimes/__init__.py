"""Lifetimes: made by a policy that searches, to learn from how to improve."""

from callbacks.lifetimes.dagger import DAgger
from callbacks.lifetimes.evaluation import AdaptationEvaluation
from callbacks.lifetimes.explorer import Explorer
from callbacks.lifetimes.explorers import OneExplorer
from callbacks.lifetimes.hindsight import Hindsight
from callbacks.lifetimes.mixture import Mixture
from callbacks.lifetimes.video import LifetimeVideo
from callbacks.lifetimes.writer import LifetimeWriter

__all__ = [
    "AdaptationEvaluation",
    "DAgger",
    "Explorer",
    "Hindsight",
    "LifetimeVideo",
    "LifetimeWriter",
    "Mixture",
    "OneExplorer",
]
