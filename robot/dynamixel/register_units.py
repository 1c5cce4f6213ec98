"""What a register's number means, https://emanual.robotis.com/docs/en/dxl/x/xm540-w270/."""

from __future__ import annotations

import math

TICK = 2 * math.pi / 4096  # of positions, rad
CENTER = 2048  # ticks where a joint is at zero
SPEED = 0.229 * 2 * math.pi / 60  # of velocities, rad/s
ACCELERATION = 214.577 * 2 * math.pi / 3600  # of profile accelerations, rad/s^2
CURRENT = 2.69e-3  # A
WATCHDOG = 0.020  # s
TRIPPED = 0xFF  # of the bus watchdog
FULL_PWM = 885  # of what a servo's voltage gives
NO_SHADOW = 0xFF  # as a secondary id
