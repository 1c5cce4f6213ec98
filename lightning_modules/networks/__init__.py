"""Plain torch networks: no Lightning, no I/O."""

from lightning_modules.networks.denoiser import Denoiser
from lightning_modules.networks.mlp_denoiser import MLPDenoiser
from lightning_modules.networks.transformer_denoiser import TransformerDenoiser
from lightning_modules.networks.unet_denoiser import UNetDenoiser

__all__ = ["Denoiser", "MLPDenoiser", "TransformerDenoiser", "UNetDenoiser"]
