"""A checkpoint cut down to what acting needs: to commit, to send, to evaluate again.

    python -m lightning_modules.slim_checkpoint runs/.../last.ckpt policy.ckpt

It holds the averaged weights in half precision, without critic, optimiser and counters. Policies
load from it and ``train.py test --ckpt_path`` evaluates it; no training goes on from it.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lightning_modules.checkpoint import ONLY_FOR_TRAINING, read_checkpoint

KEPT = (
    "pytorch-lightning_version",
    "epoch",
    "global_step",
    "spec",
    "policy",
    "family",
    "noise_seed",
)


def slim(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The checkpoint with what acting needs and nothing else."""
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in checkpoint["state_dict"].items()
        if not name.startswith(ONLY_FOR_TRAINING)
    }
    return {name: checkpoint[name] for name in KEPT if name in checkpoint} | {"state_dict": weights}


def write_slim(source: str | Path, target: str | Path) -> None:
    """Reads a policy's checkpoint and writes its slim form; the whole file or nothing.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is no policy's.
    """
    target = Path(target)
    checkpoint = slim(read_checkpoint(source))
    target.parent.mkdir(parents=True, exist_ok=True)
    saved = io.BytesIO()
    torch.save(checkpoint, saved)
    partial = target.with_name(f".{target.name}")
    # What torch saves is a zip archive that it leaves uncompressed, and reads either way.
    with (
        zipfile.ZipFile(saved) as plain,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for entry in plain.infolist():
            small.writestr(entry.filename, plain.read(entry))
    partial.replace(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    arguments = parser.parse_args()
    try:
        write_slim(arguments.source, arguments.target)
    except (OSError, ValueError) as error:
        parser.error(str(error))
