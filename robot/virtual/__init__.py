"""A virtual arm: servos that the Dynamixel SDK takes for real ones, and what they move."""
