"""Noise schedule and samplers over diffusers: pure functions, with their papers' equations."""

from lightning_modules.diffusion.exploration import Exploration
from lightning_modules.diffusion.sampler import Sampler, draw_noise, filled, log_prob, sample_chain
from lightning_modules.diffusion.schedule import Schedule

__all__ = ["Exploration", "Sampler", "Schedule", "draw_noise", "filled", "log_prob", "sample_chain"]
