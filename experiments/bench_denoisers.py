"""Milliseconds a training step and a chunk take, against their matrix products alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from tensordict import TensorDict
from torch import Tensor, nn

from experiments.timing import interleaved
from lightning_modules.diffusion import Sampler
from lightning_modules.diffusion_policy import DiffusionPolicy
from lightning_modules.horizons import Horizons
from lightning_modules.networks import Denoiser, MLPDenoiser, TransformerDenoiser, UNetDenoiser
from robot.schema import ACTION, OBSERVATION, Range, TaskSpec

DENOISERS: dict[str, Callable[[int, int, int], Denoiser]] = {
    "mlp": MLPDenoiser,
    "unet": partial(UNetDenoiser, channels=(64, 128, 256)),
    "transformer": TransformerDenoiser,
}
# The sizes that LeRobot was measured at: state 21 and environment 6, action 7, To 2, Tp 16.
SPEC = TaskSpec(
    task="sizes of LeRobot's diffusion policy",
    rate=10.0,
    joints=tuple(f"joint_{i}" for i in range(7)),
    observation={
        "state": Range.repeat(-1.0, 1.0, 21),
        "environment": Range.repeat(-1.0, 1.0, 6),
    },
    action=Range.repeat(-1.0, 1.0, 7),
)
HORIZONS = Horizons(observation=2, prediction=16, action=8)
DDIM_10 = Sampler("ddim", num_steps=10, eta=0.0)
TRAINING_BATCH = 256
CHUNK_BATCHES = (1, 32)

# Not measured by this program, and not on this machine: LeRobot 0.6.1's diffusion policy with the
# U-Net [64, 128, 256] at the same sizes, CPU time of one thread.
LEROBOT = {
    "task": "sizes",
    "method": "lerobot 0.6.1",
    "seed": 0,
    "command": "measured before, not by this program",
    "machine/cpu": "AMD EPYC, 2 shared cores",
    "train_step_ms/unet": 447.0,
    "chunk_ms/unet": 81.0,
    "chunk_ms/unet/batch_32": 232.0,
    "loader/windows_per_s": 385.0,
}


class Learner(DiffusionPolicy):
    """A DiffusionPolicy that learns without a Trainer, with the optimiser it has with one."""

    def __init__(self, denoiser: Callable[[int, int, int], Denoiser]) -> None:
        super().__init__(SPEC, denoiser, HORIZONS, sampler=DDIM_10)
        self._optimizer = torch.optim.AdamW(
            self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True
        )

    def optimize(self, batch: TensorDict, generator: torch.Generator) -> None:
        """One training step: loss, gradient, update."""
        self._loss(batch, generator).backward()
        self._optimizer.step()
        self._optimizer.zero_grad()


def bench_denoiser(name: str, rounds: int = 7, seconds: float = 0.2) -> dict[str, float]:
    """Training steps of 256 windows with AdamW; chunks by 10 steps of DDIM, 1 and 32 at once."""
    learner, generator = Learner(DENOISERS[name]), torch.Generator().manual_seed(0)
    batch = made_up_batch(TRAINING_BATCH)

    def step() -> None:
        learner.optimize(batch, generator)

    products = matrix_products(learner.denoiser, step)
    calls = {"step": step, "floor": lambda: forward_and_backward(products)}
    best = interleaved(calls, rounds, seconds)
    times = {f"train_step_ms/{name}": best["step"], f"train_step_ms/{name}/floor": best["floor"]}
    for size in CHUNK_BATCHES:
        with torch.inference_mode():
            best = bench_chunk(learner, size, rounds, seconds)
        key = f"chunk_ms/{name}" + (f"/batch_{size}" if size > 1 else "")
        times |= {key: best["chunk"], f"{key}/floor": best["floor"]}
    return {key: 1e3 * value for key, value in times.items()}


def bench_chunk(learner: Learner, size: int, rounds: int, seconds: float) -> dict[str, float]:
    """Seconds for ``size`` chunks at once, and for their matrix products."""
    generator = torch.Generator().manual_seed(0)
    observations = made_up_batch(size).get(OBSERVATION)

    def chunk() -> None:
        learner(observations, generator)

    products = matrix_products(learner.denoiser, chunk)
    return interleaved({"chunk": chunk, "floor": lambda: forward(products)}, rounds, seconds)


def made_up_batch(size: int) -> TensorDict:
    """Noise in the shape of a batch of windows."""
    to = HORIZONS.observation
    fields = {name: torch.randn(size, to, len(r)) for name, r in SPEC.observation.items()}
    return TensorDict(
        {
            OBSERVATION: TensorDict(fields, [size, to]),
            ACTION: torch.randn(size, HORIZONS.prediction, SPEC.action_dim),
        },
        batch_size=[size],
    )


Product = tuple[nn.Module, Tensor]


def matrix_products(network: nn.Module, run: Callable[[], Any]) -> list[Product]:
    """The linear and convolutional layers that ``run`` calls, in order, with inputs as they got.

    Attention's two products have no layer of their own: they are left out.
    """
    found: list[Product] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        x = inputs[0]
        found.append((layer, torch.randn_like(x).requires_grad_(x.requires_grad)))

    layers = (nn.Linear, nn.Conv1d, nn.ConvTranspose1d)
    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, layers)]
    run()
    for hook in hooks:
        hook.remove()
    return found


def forward(products: Iterable[Product]) -> list[Tensor]:
    """The layers alone, each on its own input."""
    return [layer(x) for layer, x in products]


def forward_and_backward(products: list[Product]) -> None:
    """The same, and the gradients of weights and of the inputs that need one."""
    outputs = forward(products)
    needed = [x for _, x in products if x.requires_grad]
    weights = [p for layer, _ in products for p in layer.parameters()]
    torch.autograd.grad(outputs, [*needed, *weights], outputs)
