"""Who drives the arm: pose messages, retargeting, operators."""
