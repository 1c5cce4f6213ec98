"""Made-up episodes of a made-up task, for every test that needs some."""

import pytest
import torch
from tensordict import TensorDict

from robot.schema import Range, TaskSpec


@pytest.fixture
def reach_spec():
    return TaskSpec(
        task="reach",
        rate=10.0,
        joints=("waist", "gripper"),
        observation={
            "joint_position": Range.repeat(-3.0, 3.0, 1),
            "last_command": Range.repeat(-3.0, 3.0, 2),
            "object_position": Range.repeat(-1.0, 1.0, 12),
        },
        action=Range.repeat(-3.0, 3.0, 2),
    )


@pytest.fixture
def make_episode():
    """``make_episode(steps, seed)``: waist position and command tell which step it is."""

    def make(steps, seed=0):
        generator = torch.Generator().manual_seed(seed)
        clock = torch.arange(steps)[:, None]
        position = seed + clock / 1000
        command = torch.cat([position, -position], dim=1)
        end = clock == steps - 1
        return TensorDict(
            {
                "observation": {
                    "joint_position": position,
                    "last_command": torch.cat([command[:1], command[:-1]]),
                    "object_position": torch.randn(steps, 4, 3, generator=generator),
                },
                "action": command,
                "phi": torch.zeros(steps, 2),
                "observation_time": clock.double() / 10,
                "command_time": clock.double() / 10 + 0.01,
                "next": {
                    "reward": end.float(),
                    "terminated": end,
                    "truncated": torch.zeros_like(end),
                    "done": end.clone(),
                },
            },
            batch_size=[steps],
        )

    return make
