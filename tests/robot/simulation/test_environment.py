import mujoco
import numpy as np
import pytest
import torch
from simulated_toy import SPACE, ToyTask
from torchrl.envs.utils import check_env_specs

from robot.phi import PhiSet
from robot.simulation.environment import SimulatedArmEnv
from robot.simulation.objects import BANANA, BOWL, ObjectShape
from robot.simulation.scene import TIMESTEP, compile_scene
from robot.simulation.world import first_two_columns

ALL = ToyTask.phi_sets["all"]
BOX = ObjectShape("box", (0.02, 0.02, 0.02), mass=0.05)


def walk(env, steps, seed=0, now=None):
    """Random motion from the present state; all transitions, ``[steps]`` of ``[num_envs]``."""
    generator = torch.Generator().manual_seed(seed)
    now = (env.reset() if now is None else now).select(*env.observation_spec.keys())
    out = []
    for _ in range(steps):
        last = now["observation", "last_command"]
        now["action"] = last + 0.2 * torch.randn(last.shape, generator=generator)
        out.append(env.step(now).clone())
        now = out[-1]["next"].select(*env.observation_spec.keys())
    return out


def test_torchrl_accepts_the_specs():
    check_env_specs(SimulatedArmEnv(ToyTask(), 3, ALL, seed=0))


def test_a_batch_equals_a_loop_of_mj_step_bit_for_bit():
    env = SimulatedArmEnv(ToyTask(), 3, ALL, seed=1)
    start = env.reset()
    model = compile_scene(env.task.scene(start["phi"][0]))
    data = mujoco.MjData(model)
    data.qpos[:] = env.physics_state[1, : model.nq].numpy()
    for transition in walk(env, 5, now=start):
        before = transition["observation", "last_command"][1]
        after = transition["next", "observation", "last_command"][1]
        for i in range(env.substeps):
            share = torch.linspace(0, 1, env.substeps + 1)[i + 1]
            target = before + share * (after - before)
            target[-1] /= 2
            data.ctrl[:] = target.double().numpy()
            mujoco.mj_step(model, data)
    assert env.substeps * TIMESTEP == pytest.approx(env.period)
    np.testing.assert_array_equal(env.physics_state[1, : model.nq].numpy(), data.qpos)


def test_scenes_of_different_layout_in_one_batch_move_as_they_do_alone():
    task = ToyTask(BANANA, BOX, BOWL)
    phi = torch.tensor([[0.35, 0.0], [0.36, 1.0], [0.40, 2.0], [0.41, 0.0]])
    env = SimulatedArmEnv(task, 4, ALL, seed=3)
    start = env.reset(phi=phi)
    saved = env.get_extra_state()
    assert start["observation", "object_size"][1, 0].tolist() == pytest.approx([0.02] * 3)
    together = walk(env, 6, now=start)
    for row in range(4):
        alone = SimulatedArmEnv(task, 1, ALL)
        alone.reset(phi=phi[row : row + 1])
        alone.set_extra_state(
            {
                key: [value[row]] if key == "physics" else value[row : row + 1]
                for key, value in saved.items()
                if key != "generator"
            }
            | {"generator": saved["generator"]}
        )
        for transition in together:
            now = transition[row : row + 1].select(*env.observation_spec.keys(), "action")
            after = alone.step(now.clone())["next", "observation"]
            assert (after == transition["next", "observation"][row : row + 1]).all()


def test_empty_slots_are_masked_and_zero():
    now = SimulatedArmEnv(ToyTask(), 2, ALL).reset()
    assert now["observation", "object_mask"].tolist() == [[1, 0, 0, 0]] * 2
    for field in ("position", "place", "offset", "rotation", "turn", "size"):
        assert not now["observation", f"object_{field}"][:, 1:].any()


def test_the_observation_does_not_change_with_a_hidden_parameter():
    heavy = ObjectShape("banana", BANANA.half_extents, mass=0.3)
    env = SimulatedArmEnv(ToyTask(BANANA, heavy), 2, ALL, seed=0)
    phi = torch.tensor([[0.35, 0.0], [0.35, 1.0]])
    seen = env.reset(phi=phi)["observation"]
    # The start pose varies, and all that is seen from the gripper with it.
    varies = {"posture", "pending_command", "object_place", "object_offset", "object_turn", "goal"}
    for field, value in seen.items():
        if not field.startswith("joint") and field not in varies:
            assert torch.equal(value[0], value[1]), field
    assert "phi" not in seen.keys(True)


def test_a_partial_reset_leaves_the_other_rows_alone():
    env = SimulatedArmEnv(ToyTask(), 3, ALL, seed=0)
    last = walk(env, 3)[-1]["next"].select(*env.observation_spec.keys())
    before = env.physics_state
    last["_reset"] = torch.tensor([[False], [True], [False]])
    now = env.reset(last)
    assert torch.equal(env.physics_state[[0, 2]], before[[0, 2]])
    assert not torch.equal(env.physics_state[1], before[1])
    assert torch.equal(now["observation", "last_command"][1], torch.tensor(env.arm.home_command))
    assert (now["observation_time"] >= last["observation_time"]).all()


def test_rows_that_are_told_to_rest_do_not_move():
    env = SimulatedArmEnv(ToyTask(), 3, ALL, seed=0)
    now = env.reset()
    before = env.physics_state
    now["action"] = now["observation", "last_command"] + 0.2
    now["_step"] = torch.tensor([True, False, True])
    after = env.step(now)["next"]
    assert torch.equal(env.physics_state[1], before[1])
    assert not torch.equal(env.physics_state[0], before[0])
    assert torch.equal(after["observation_time"][1], now["observation_time"][1])


def test_a_saved_state_goes_on_bit_for_bit_in_another_environment():
    task = ToyTask(BANANA, BOX)
    env = SimulatedArmEnv(task, 3, ALL, seed=0)
    now = walk(env, 4)[-1]["next"].select(*env.observation_spec.keys())
    saved = env.state_dict()
    expected = walk(env, 5, seed=1, now=now.clone())
    other = SimulatedArmEnv(task, 3, ALL, seed=99)
    other.reset()
    other.load_state_dict(saved)
    actual = walk(other, 5, seed=1, now=now.clone())
    for a, b in zip(actual, expected, strict=True):
        assert (a == b).all()
    assert torch.equal(other.reset()["phi"], env.reset()["phi"])


def test_equal_seeds_give_equal_episodes_and_different_ones_do_not():
    one, same, other = (
        torch.stack(walk(SimulatedArmEnv(ToyTask(), 2, ALL, seed=s), 3)) for s in (5, 5, 6)
    )
    assert (one == same).all()
    assert not (one["phi"] == other["phi"]).any()


def test_thread_counts_do_not_change_the_result():
    one, many = (
        torch.stack(walk(SimulatedArmEnv(ToyTask(), 8, ALL, seed=5, num_threads=n), 3))
        for n in (1, 4)
    )
    assert (one == many).all()


def test_time_runs_out_truncated_and_success_ends_terminated_never_both():
    far = walk(SimulatedArmEnv(ToyTask(), 2, ALL), ToyTask.max_steps)[-1]["next"]
    assert far["truncated"].all()
    assert not far["terminated"].any()
    assert not far["reward"].any()
    env = SimulatedArmEnv(ToyTask(lifted=0.0), 2, ALL)
    near = walk(env, ToyTask.max_steps)[-1]["next"]
    assert near["terminated"].all()
    assert not near["truncated"].any()
    assert near["reward"].all()


class Blinking(ToyTask):
    """Reached at the steps that are said, 1, 2, ..., in every episode."""

    def __init__(self, reached, hold_steps):
        super().__init__()
        self.reached, self.hold_steps, self.calls = reached, hold_steps, 0

    def success(self, world, phi):
        self.calls += 1
        return torch.full((len(phi),), self.calls in self.reached)


def test_a_goal_that_is_left_again_is_no_success():
    env = SimulatedArmEnv(Blinking({1, 2, 4, 5, 6}, hold_steps=3), 2, ALL)
    ends = [bool(step["next", "terminated"].all()) for step in walk(env, 6)]
    assert ends == [False] * 5 + [True]


def test_how_long_a_goal_was_held_is_part_of_the_state():
    env = SimulatedArmEnv(Blinking({1, 2, 3}, hold_steps=3), 2, ALL)
    now = walk(env, 2)[-1]["next"]
    state = env.get_extra_state()
    other = SimulatedArmEnv(Blinking({1}, hold_steps=3), 2, ALL)
    other.reset()
    other.set_extra_state(state)
    assert walk(other, 1, now=now)[0]["next", "terminated"].all()


def test_auto_resets_of_a_rollout_draw_new_parameters_from_the_phi_set():
    env = SimulatedArmEnv(ToyTask(), 2, ALL, seed=0)
    env.phi_set = PhiSet("left", (SPACE.box(x=(0.3, 0.32)),))
    steps = env.rollout(30, break_when_any_done=False)
    assert len(steps["phi"][0, :, 0].unique()) == 3  # 12 steps an episode
    assert env.phi_set.contains(steps["phi"]).all()


def test_phi_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"phi has shape \(2, 5\), expected \(2, 2\)"):
        SimulatedArmEnv(ToyTask(), 2, ALL).reset(phi=torch.zeros(2, 5))


def test_the_action_that_counts_is_the_clipped_one():
    env = SimulatedArmEnv(ToyTask(), 1, ALL)
    now = env.reset()
    now["action"] = torch.full((1, 7), 50.0)
    sent = env.step(now)["next", "observation", "last_command"]
    limit = torch.tensor(env.arm.home_command) + 0.1 * torch.tensor(env.arm.velocity_limit)
    assert (sent <= torch.minimum(limit, torch.tensor(env.arm.action_high)) + 1e-6).all()


def test_rotations_are_the_first_two_columns_of_the_matrix():
    quaternion = torch.nn.functional.normalize(torch.randn(20, 4, dtype=torch.float64), dim=-1)
    for q, columns in zip(quaternion, first_two_columns(quaternion), strict=True):
        matrix = np.zeros(9)
        mujoco.mju_quat2Mat(matrix, q.numpy())
        matrix = matrix.reshape(3, 3)
        np.testing.assert_allclose(columns, np.concatenate([matrix[:, 0], matrix[:, 1]]), atol=1e-9)


class Lagging(ToyTask):
    """Its servos are behind by half of every command's way."""

    def actuator_lag(self, phi):
        return torch.full((len(phi),), 0.5)


def test_servos_that_lag_get_there_later_and_what_was_commanded_is_what_is_observed():
    envs = [SimulatedArmEnv(task, 1, ALL, seed=0) for task in (ToyTask(), Lagging())]
    moved = []
    for env in envs:
        now = env.reset(phi=torch.tensor([[0.4, 0.0]]))
        start = now["observation", "last_command"].clone()
        target = start + torch.tensor([0.2, 0, 0, 0, 0, 0, 0])
        reached = []
        for _ in range(8):
            now["action"] = target
            now = env.step(now)["next"].select(*env.observation_spec.keys())
            assert torch.equal(now["observation", "last_command"], target)
            reached.append(float(now["observation", "joint_position"][0, 0]))
        moved.append(reached)
    prompt, late = moved
    assert late[0] < prompt[0] - 0.02
    assert late[-1] == pytest.approx(prompt[-1], abs=0.01)
