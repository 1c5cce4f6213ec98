"""How to learn: one file is one learning stage."""

from lightning_modules.diffusion import Exploration, Sampler, Schedule
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.distillation import LifetimeDistillation, PolicyDistillation
from lightning_modules.horizons import Horizons
from lightning_modules.lifetime_gradient import LifetimeGradient
from lightning_modules.meta_learner import MetaLearner
from lightning_modules.networks import MLPDenoiser, TransformerDenoiser, UNetDenoiser
from lightning_modules.objectives import (
    PPO,
    FilteredCloning,
    Reinforce,
    RewardWeighted,
    Stitching,
)
from lightning_modules.policy import CheckpointPolicy, load_policy
from lightning_modules.policy_gradient import PolicyGradient

__all__ = [
    "PPO",
    "CheckpointPolicy",
    "DiffusionPolicy",
    "Exploration",
    "FilteredCloning",
    "Horizons",
    "LifetimeDistillation",
    "LifetimeGradient",
    "MLPDenoiser",
    "MetaLearner",
    "PolicyDistillation",
    "PolicyGradient",
    "Reinforce",
    "RewardWeighted",
    "Sampler",
    "Schedule",
    "Stitching",
    "TransformerDenoiser",
    "UNetDenoiser",
    "load_policy",
]
