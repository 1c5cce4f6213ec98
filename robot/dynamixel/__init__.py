"""Dynamixel servos: packets, control tables, the bus."""
