"""Noise schedule and samplers over diffusers: pure functions, with their papers' equations."""

from lightning_modules.diffusion.exploration import Exploration
from lightning_modules.diffusion.explored import explored, step_log_prob, tuned_pairs
from lightning_modules.diffusion.sampler import Sampler, draw_noise, filled, log_prob, sample_chain
from lightning_modules.diffusion.schedule import Schedule

__all__ = [
    "Exploration",
    "Sampler",
    "Schedule",
    "draw_noise",
    "explored",
    "filled",
    "log_prob",
    "sample_chain",
    "step_log_prob",
    "tuned_pairs",
]
