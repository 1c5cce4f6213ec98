"""What a policy learns within lifetimes: success by shot, before and after the first hit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from tensordict import TensorDictBase
from torch import Tensor

from datamodules.check import found_by
from robot.success_rate import SuccessRate


@dataclass(frozen=True)
class Adaptation:
    """Lifetimes of one policy.

    Attributes:
        success: of each episode, bool ``[N, H]``.
        length: of each episode, environment steps, long ``[N, H]``.
    """

    success: Tensor
    length: Tensor

    @classmethod
    def of(cls, shots: Sequence[TensorDictBase]) -> Adaptation:
        """From the episodes of each shot, ``[N]`` each."""
        success, length = (torch.stack([shot[k] for shot in shots], 1) for k in cls._fields())
        return cls(success, length)

    @classmethod
    def joined(cls, parts: Sequence[Adaptation]) -> Adaptation:
        """All lifetimes of the parts."""
        success, length = (torch.cat([getattr(p, k) for p in parts]) for k in cls._fields())
        return cls(success, length)

    @staticmethod
    def _fields() -> tuple[str, str]:
        return "success", "length"

    def by_shot(self) -> list[SuccessRate]:
        """Success at each shot."""
        return [SuccessRate.of(success) for success in self.success.unbind(1)]

    def metrics(self, rate: float) -> dict[str, float]:
        """All that is logged of it, without a prefix.

        ``success/shot_h`` with ``/n``, ``/lo`` and ``/hi``; ``found/shot_h``, share of lifetimes in
        which anything has succeeded by then; ``hazard/shot_h``, success among the
        lifetimes that had none before, and ``kept/shot_h``, among those that had, each where there
        are any; ``robot_s/shot_h``, mean seconds that the arm has moved when the shot ends.

        Args:
            rate: environment steps a second.
        """
        logged: dict[str, float] = {}
        found = found_by(self.success)
        before = torch.cat([torch.zeros_like(found[:, :1]), found[:, :-1]], dim=1)
        seconds = self.length.float().cumsum(1).mean(0) / rate
        for i in range(self.success.shape[1]):
            shot, success, had = f"shot_{i + 1}", self.success[:, i], before[:, i]
            logged |= SuccessRate.of(success).metrics(f"success/{shot}")
            for name, rows in (("hazard", ~had), ("kept", had)):
                if rows.any():
                    logged |= SuccessRate.of(success[rows]).metrics(f"{name}/{shot}")
            logged[f"robot_s/{shot}"] = float(seconds[i])
            logged |= SuccessRate.of(found[:, i]).metrics(f"found/{shot}")
        return logged


def adaptation_figure(curves: Mapping[str, Sequence[SuccessRate]]) -> Figure:
    """Success by shot of several policies, by name, with Wilson 95 % bands; the first is bold."""
    figure = Figure(figsize=(7, 4.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    for i, (name, rates) in enumerate(curves.items()):
        shots = range(1, len(rates) + 1)
        (line,) = axes.plot(
            shots, [r.rate for r in rates], marker="o", ms=4, lw=2.5 if i == 0 else 1.2, label=name
        )
        low, high = zip(*(r.interval for r in rates), strict=True)
        axes.fill_between(shots, low, high, color=line.get_color(), alpha=0.12)
    axes.set(xlabel="shot", ylabel="success", ylim=(0, 1.03))
    axes.set_xticks(range(1, 1 + max(len(rates) for rates in curves.values())))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
