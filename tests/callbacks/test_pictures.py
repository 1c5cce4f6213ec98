import io

import numpy as np
import pytest
from PIL import Image
from rollout_toys import ToyLearner, ToyTask, events, toy_trainer

from callbacks import RolloutObserver
from callbacks.pictures import encode_gif, log_gif


@pytest.fixture
def frames():
    """A red square that moves over a grey ground."""
    frames = np.full((12, 40, 60, 3), 128, dtype=np.uint8)
    for t, frame in enumerate(frames):
        frame[10:20, 3 * t : 3 * t + 10] = (200, 30, 30)
    return frames


def decoded(data):
    image = Image.open(io.BytesIO(data))
    out = []
    for t in range(image.n_frames):
        image.seek(t)
        out.append(np.asarray(image.convert("RGB")))
    return image, np.stack(out)


def test_a_gif_decodes_to_the_frames_it_was_made_of(frames):
    image, out = decoded(encode_gif(frames, rate=10.0))
    assert image.info["duration"] == 100
    assert image.info["loop"] == 0
    assert abs(out.astype(int) - frames).max() <= 8


def test_frames_that_stand_still_keep_their_time(frames):
    still = np.concatenate([frames[:1]] * 3 + [frames[1:2]])
    image = Image.open(io.BytesIO(encode_gif(still, rate=10.0)))
    total = 0
    for t in range(image.n_frames):
        image.seek(t)
        total += image.info["duration"]
    assert total == 400


def test_tensorboard_gets_the_gif_as_it_is_and_so_does_the_run_folder(tmp_path, frames):
    class Draw(RolloutObserver):
        def on_train_end(self, trainer, pl_module):
            log_gif(trainer, "rollout/video", frames, 10.0)

    trainer = toy_trainer(tmp_path, Draw())
    trainer.fit(ToyLearner(), ToyTask())
    (event,) = events(trainer).Images("rollout/video")
    assert (event.height, event.width, event.step) == (40, 60, 3)
    assert event.encoded_image_string == encode_gif(frames, 10.0)
    file = tmp_path / "lightning_logs/version_0/rollout/video.gif"
    assert file.read_bytes() == event.encoded_image_string


def test_without_tensorboard_nothing_is_drawn(frames):
    trainer = toy_trainer("unused", logger=False)
    log_gif(trainer, "rollout/video", frames, 10.0)
