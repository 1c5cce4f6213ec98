"""The simulated arm: scenes, physics, the batched environment, pictures."""
