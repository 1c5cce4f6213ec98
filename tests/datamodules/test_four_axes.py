"""Objects, environments and goals of the four axes: what phi says is what is there."""

import itertools

import pytest
import torch

from callbacks.curriculum.no_op import NoOp
from datamodules import FourAxes, Rollouts
from datamodules.four_axes import OBJECTS, ORDER, REACH, SPACE
from datamodules.goals import PUSHED
from robot.record import demonstrate
from robot.rollout import rollout
from robot.schema import GOALS

TASK = FourAxes("point", {"rollouts": Rollouts()})
GOAL_INDEX = SPACE.index("goal")


def drawn(n, phi_set="goals", seed=0, **fixed):
    phi = TASK.phi_sets[phi_set].sample(n, torch.Generator().manual_seed(seed))
    for name, value in fixed.items():
        phi[:, SPACE.index(name)] = value
    return phi


def test_the_held_out_part_of_an_axis_is_in_no_level():
    whole = TASK.phi_sets["goals"]
    for held_out in TASK.held_out.values():
        phi = held_out.sample(200, torch.Generator().manual_seed(1))
        assert not whole.contains(phi).any()


def test_every_axis_has_at_least_two_levels_and_they_grow_in_the_order_of_the_axes():
    axes = {
        "position": {"radius", "bearing", "yaw"},
        "object": {"object", "size", "mass"},
        "environment": {
            "table_height",
            "distractors",
            "friction",
            "camera_x",
            "camera_y",
            "lag",
        },
        "goal": {"goal", "goal_distance", "goal_bearing"},
    }
    order = []
    for smaller, larger in itertools.pairwise(TASK.phi_sets.values()):
        moved = (smaller.boxes[0].bounds() != larger.boxes[0].bounds()).any(0)
        grown = {name for name, m in zip(SPACE.names, moved.tolist(), strict=True) if m}
        (axis,) = (axis for axis, names in axes.items() if grown <= names)
        order.append(axis)
    assert order == sorted(order, key=list(axes).index)
    assert all(order.count(axis) >= 2 for axis in axes)


@pytest.mark.parametrize("axis", ["positions", "objects", "environments", "goals"])
def test_a_script_solves_what_is_held_out(axis):
    task = FourAxes("point", {"rollouts": Rollouts()})
    task.phi_set = task.held_out[axis]
    episodes = demonstrate(task.environment(16, seed=3, num_threads=1), task.plan(), seed=3)
    assert sum(bool(e["next", "reward"][-1] > 0) for e in episodes) >= 15


@pytest.mark.parametrize("goal", range(len(ORDER)), ids=ORDER)
def test_doing_nothing_reaches_no_goal(goal):
    phi = drawn(24, goal=goal + 0.5)
    out = rollout(TASK.environment(24, num_threads=1), NoOp(), phi, seed=0)
    assert not out["success"].any()


def test_what_is_observed_does_not_change_its_shape_and_says_which_goal():
    phi = drawn(32)
    env = TASK.environment(32, num_threads=1)
    seen = env.reset(phi=phi)["observation"]
    named = [ORDER[int(value)] for value in phi[:, GOAL_INDEX]]
    assert [GOALS[i] for i in seen["goal"][:, :4].argmax(-1)] == named
    bowl = torch.tensor([name == "place" for name in named])
    about = phi[:, SPACE.index("distractors")].floor()
    assert torch.equal(seen["object_mask"].sum(-1), 1 + bowl + about)
    size = phi[:, SPACE.index("size")]
    kinds = phi[:, SPACE.index("object")].long()
    half = torch.tensor([shape.half_extents for shape in OBJECTS])[kinds] * size[:, None]
    assert torch.allclose(seen["object_size"][:, 0], half)


def test_objects_lie_still_where_they_are_put():
    phi = drawn(32, camera_x=0.0, camera_y=0.0, lag=0.0)
    env = TASK.environment(32, num_threads=1)
    now = env.reset(phi=phi)
    start = now["observation", "object_position"].clone()
    for _ in range(5):
        now["action"] = now["observation", "last_command"]
        now = env.step(now)["next"].select(*env.observation_spec.keys())
    assert (now["observation", "object_position"] - start).norm(dim=-1).max() < 0.01


def test_goals_with_a_place_are_within_reach():
    phi = drawn(256)
    radius = TASK.goal_position(phi)[:, :2].norm(dim=-1)
    has_place = phi[:, GOAL_INDEX] >= 1
    assert not radius[~has_place].any()
    assert (radius[has_place] >= REACH[0] - 1e-6).all()
    assert (radius[has_place] <= REACH[1] + 1e-6).all()


def test_no_mark_is_so_near_that_the_object_lies_on_it_already():
    for phi_set in (TASK.phi_sets["goals"], TASK.held_out["goals"]):
        phi = phi_set.sample(4096, torch.Generator().manual_seed(0))
        phi[:, GOAL_INDEX] = ORDER.index("push") + 0.5
        away = TASK.goal_position(phi)[:, :2] - TASK.place(phi)[:, 0, :2]
        assert away.norm(dim=-1).min() > PUSHED + 0.005


def test_hidden_parameters_do_not_change_what_is_seen_at_first():
    phi = drawn(8)
    other = phi.clone()
    for name, value in (("mass", 1.4), ("friction", 0.7), ("lag", 0.4)):
        other[:, SPACE.index(name)] = value
    env = TASK.environment(8, seed=0, num_threads=1)
    first = env.reset(phi=phi)["observation"]
    again = TASK.environment(8, seed=0, num_threads=1).reset(phi=other)["observation"]
    for name, value in first.items():
        assert torch.allclose(value, again[name], atol=1e-6), name


def test_mass_friction_and_height_are_those_of_the_model():
    phi = drawn(1, mass=1.3, friction=0.8, table_height=0.02, goal=0.5, distractors=0.5)
    env = TASK.environment(1, num_threads=1)
    env.reset(phi=phi)
    model = env.model(0)
    kind = OBJECTS[int(phi[0, SPACE.index("object")])]
    assert model.body("object_0").mass[0] == pytest.approx(1.3 * kind.mass, rel=1e-5)
    assert model.geom("table").pos[2] == pytest.approx(0.02)
    first = model.body("object_0").geomadr[0]
    assert model.geom_friction[first, 0] == pytest.approx(0.8 * kind.friction)
