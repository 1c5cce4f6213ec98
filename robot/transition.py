"""From an environment's transition to the step that is stored."""

from __future__ import annotations

from tensordict import TensorDict, TensorDictBase

from robot.schema import ACTION, COMMAND_TIME, OBSERVATION, OBSERVATION_TIME, PHI


def recorded(transition: TensorDictBase) -> TensorDict:
    """A stepped transition ``[B]`` as it is stored: its action is the one sent, not asked for."""
    after: TensorDictBase = transition.get("next")
    return TensorDict(
        {
            OBSERVATION: transition[OBSERVATION],
            ACTION: after.get((OBSERVATION, "last_command")),
            PHI: transition[PHI],
            OBSERVATION_TIME: transition[OBSERVATION_TIME],
            COMMAND_TIME: after.get(COMMAND_TIME),
            "next": after.select("reward", "terminated", "truncated", "done"),
        },
        batch_size=transition.batch_size,
    ).clone()
