"""Pictures of a run: into TensorBoard, and beside it as files that anything can open."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image


def log_figure(trainer: Trainer, tag: str, figure: Figure) -> None:
    """Logs a matplotlib figure as ``tag`` and as ``<log_dir>/<tag>.png``."""
    canvas = FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    width, height = canvas.get_width_height()
    _log_image(trainer, tag, buffer.getvalue(), "png", width, height)


def log_gif(trainer: Trainer, tag: str, frames: NDArray[np.uint8], rate: float) -> None:
    """Logs frames ``[T, H, W, 3]`` as an animation ``tag`` and as ``<log_dir>/<tag>.gif``."""
    _log_image(
        trainer, tag, encode_gif(frames, rate), "gif", width=frames.shape[2], height=frames.shape[1]
    )


def encode_gif(frames: NDArray[np.uint8], rate: float) -> bytes:
    """An endless GIF of frames ``[T, H, W, 3]`` at ``rate`` frames per second.

    All frames share the colours of the middle one, so that still parts do not flicker.
    """
    images = [Image.fromarray(frame) for frame in frames]
    palette = images[len(images) // 2].quantize(256, dither=Image.Dither.NONE)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / rate),
        loop=0,
    )
    return buffer.getvalue()


def _log_image(
    trainer: Trainer, tag: str, encoded: bytes, suffix: str, width: int, height: int
) -> None:
    # TensorBoard shows whatever image a browser can; SummaryWriter.add_image takes only
    # arrays and add_video needs moviepy, so the summary is written here.
    from tensorboard.compat.proto import summary_pb2

    if not trainer.is_global_zero:
        return
    proto: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            image = proto.Image(
                height=height, width=width, colorspace=3, encoded_image_string=encoded
            )
            summary = proto(value=[proto.Value(tag=tag, image=image)])
            writer: Any = logger.experiment
            writer._get_file_writer().add_summary(summary, trainer.global_step)
            path = Path(logger.log_dir) / f"{tag}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded)
