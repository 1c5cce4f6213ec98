"""Hands that drive in the arm's own time, for tests."""

import numpy as np

from robot.teleop.hand_message import HandMessage

STILL = np.array([1.0, 0.0, 0.0, 0.0])
RATE = 60.0


class Hand:
    """Sends where it is, sixty times a second of a clock's time; goes at a velocity.

    Args:
        driving: that it sends to.
        loses: whether message ``i`` is lost.
    """

    def __init__(self, driving, loses=lambda i: False):
        self.driving, self.loses = driving, loses
        self.position, self.velocity = np.zeros(3), np.zeros(3)
        self.held, self.opening, self.silent = False, 1.0, False
        self.sent = 0
        self._due = driving.clock.now()
        driving.clock.begin(self)

    def due(self):
        return self._due

    def cycle(self):
        self._due += 1 / RATE
        self.position = self.position + self.velocity / RATE
        self.sent += 1
        if not self.silent and not self.loses(self.sent):
            self.driving.receive(self.message())

    def message(self, **changed):
        values = {
            "sequence": self.sent,
            "time": self.driving.clock.now(),
            "held": self.held,
            "position": self.position,
            "rotation": STILL,
            "opening": self.opening,
        }
        return HandMessage(**{**values, **changed})
