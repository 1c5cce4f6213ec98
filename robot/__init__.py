"""The arm, real and simulated: what it is, what it may do, what it has done."""
