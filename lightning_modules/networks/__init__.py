"""Plain torch networks: no Lightning, no I/O."""

from typing import NoReturn

from lightning_modules.networks.denoiser import Denoiser
from lightning_modules.networks.mlp_denoiser import MLPDenoiser
from lightning_modules.networks.transformer_denoiser import TransformerDenoiser
from lightning_modules.networks.unet_denoiser import UNetDenoiser

__all__ = ["Denoiser", "MLPDenoiser", "TransformerDenoiser", "UNetDenoiser"]


def __getattr__(name: str) -> NoReturn:
    # What a mistyped class_path in a config ends in: its message is all the user gets to see.
    choices = ", ".join(n for n in __all__ if n != "Denoiser")
    raise AttributeError(f"no denoiser {name!r}; there are {choices}")
