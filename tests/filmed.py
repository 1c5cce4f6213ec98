"""A camera for tests: its pictures say their number."""

import time

import numpy as np

from robot.cameras.camera import CameraError, Frame, Lens


class Counting:
    """Grey pictures, lighter from one to the next, until it falls down."""

    lens = Lens(64, 48, 60.0)

    def __init__(self, ends=100_000):
        self.taken, self.ends = 0, ends

    def latest(self):
        if self.taken == self.ends:
            raise CameraError("it fell down")
        grey = min(250, 10 * self.taken)
        self.taken += 1
        return Frame(np.full((48, 64, 3), grey, dtype=np.uint8), time.monotonic())

    def close(self):
        pass
