"""Hidden parameters: never seen, and a skill that believes the truth solves the task."""

from dataclasses import replace

import pytest
import torch
from tensordict import TensorDict

from datamodules import BumpedCamera, Rollouts, WantedObject, WrongHoming
from datamodules.hidden import AsIf, HiddenTask
from datamodules.pick_banana import PickBanana
from datamodules.wanted_object import wanted
from robot.imagined import alone, displaced
from robot.record import demonstrate
from robot.rollout import rollout
from robot.schema import Range

FAMILIES = [BumpedCamera, WantedObject, WrongHoming]
OBJECTS = ("object_position", "object_place", "object_offset")


@pytest.fixture(params=FAMILIES, ids=lambda family: family.task_name)
def task(request):
    return request.param("wide", {"rollouts": Rollouts()})


def drawn(task, n, seed=0):
    return task.phi_set.sample(n, torch.Generator().manual_seed(seed))


def observations(task, phi, steps=4):
    """What is seen while the arm wanders, by the same actions whatever the task parameters."""
    env = task.environment(len(phi), num_threads=1)
    generator = torch.Generator().manual_seed(9)
    env.set_seed(0)
    now = env.reset(phi=phi)
    seen = [now["observation"].clone()]
    for _ in range(steps):
        away = 0.1 * torch.randn(1, 7, generator=generator)
        now["action"] = now["observation", "last_command"] + away
        now = env.step(now)["next"].select(*env.observation_spec.keys())
        seen.append(now["observation"].clone())
    return TensorDict.stack(seen, dim=1)  # [n, steps + 1]


def with_hidden(task, phi, hidden):
    return torch.cat([task.phi_space.visible(phi), hidden], dim=-1)


def assert_same(seen, expected, names):
    for name in names:
        torch.testing.assert_close(seen[name], expected[name], rtol=0, atol=2e-5)


def test_a_bumped_camera_taken_into_account_shows_what_a_right_one_does():
    task = BumpedCamera("wide", {"rollouts": Rollouts()})
    phi = drawn(task, 8)
    hidden = task.phi_space.hidden(phi)
    x, y = task.place(phi)[:, 0, :2].unbind(-1)
    lies = torch.stack([x.hypot(y), torch.atan2(y, x), phi[:, 2]], dim=-1)
    right = observations(task, torch.cat([lies, torch.zeros_like(hidden)], dim=-1))
    bumped = observations(task, phi)
    off = (bumped["object_position"] - right["object_position"])[:, :, 0, :2]
    torch.testing.assert_close(off, hidden[:, None].expand_as(off), rtol=0, atol=1e-6)
    assert_same(task.as_if(bumped, hidden), right, right.keys())


def test_objects_that_are_not_there_are_not_displaced():
    task = BumpedCamera("wide", {"rollouts": Rollouts()})
    seen = observations(task, drawn(task, 3))
    moved = displaced(seen, torch.full((3, 3), 0.05))
    for name in OBJECTS:
        assert (moved[name][:, :, 1:] == 0).all()
        assert (moved[name][:, :, 0] != seen[name][:, :, 0]).any()


def test_an_encoder_taken_into_account_shows_what_a_right_one_does():
    """The same motion of the true arm, with the banana as far round as the encoder is wrong."""
    task = WrongHoming("wide", {"rollouts": Rollouts()})
    phi = drawn(task, 8)
    hidden = task.phi_space.hidden(phi)
    lies = task.phi_space.visible(phi) + hidden * torch.tensor([0.0, 1.0, 1.0])
    right = observations(task, torch.cat([lies, torch.zeros_like(hidden)], dim=-1))
    assert_same(task.as_if(observations(task, phi), hidden), right, right.keys())


@pytest.mark.parametrize("family", [BumpedCamera, WrongHoming])
def test_nothing_hidden_is_seen_before_the_banana_is_touched(family):
    task = family("wide", {"rollouts": Rollouts()})
    phi = drawn(task, 3)
    first, other = (
        observations(task, with_hidden(task, phi, torch.full_like(task.phi_space.hidden(phi), off)))
        for off in (-0.08, 0.05)
    )
    assert_same(first, other, first.keys())


def test_which_banana_is_wanted_is_never_seen():
    task = WantedObject("wide", {"rollouts": Rollouts()})
    phi = drawn(task, 4)
    first, other = (
        observations(task, with_hidden(task, phi, torch.full((4, 1), value)))
        for value in (0.5, 2.5)
    )
    assert (first == other).all()


def test_an_object_alone_is_the_one_that_was_asked_for():
    task = WantedObject("wide", {"rollouts": Rollouts()})
    seen = observations(task, drawn(task, 4))
    slots = torch.tensor([0, 1, 2, 3])
    shown = alone(seen, slots)
    for name in ("object_rotation", "object_turn", "object_size", "object_mask", *OBJECTS):
        for row, slot in enumerate(slots.tolist()):
            assert torch.equal(shown[name][row, :, 0], seen[name][row, :, slot]), name
            assert (shown[name][row, :, 1:] == 0).all(), name
    assert torch.equal(shown["posture"], seen["posture"])


def test_every_banana_is_wanted_equally_often():
    task = WantedObject("wide", {"rollouts": Rollouts()})
    counts = wanted(task.guesses(4000, torch.Generator().manual_seed(0))).bincount(minlength=4)
    assert counts.min() > 900
    assert wanted(torch.tensor([[0.0], [4.0]])).tolist() == [0, 3]


def test_an_operator_who_knows_succeeds_and_one_who_guesses_seldom_does(task):
    phi = drawn(task, 24)
    truth = task.phi_space.hidden(phi)
    guesses = task.guesses(24, torch.Generator().manual_seed(1))
    known, guessed = (task.scripted(phi, h[:, None], 0).float().mean() for h in (truth, guesses))
    assert known >= 0.95
    assert guessed <= 0.5


def test_what_an_attempt_believed_is_read_off_where_it_went(task):
    n = 32
    phi = drawn(task, n)
    acted_on = task.guesses(n, torch.Generator().manual_seed(3))
    env = task.environment(n)
    plans = [task.plan_in_turn(each[None]) for each in acted_on]
    found = []
    for episode in demonstrate(env, plans, 0, phi=phi):
        recorded = TensorDict({"trajectory": episode[None], "length": torch.tensor([len(episode)])})
        found.append(task.believed(recorded.auto_batch_size_(1)))
    believed = torch.cat(found)
    # What it is like under the model of a pick: as good as the hypothesis itself, nearly always.
    chance = task.chance(believed, acted_on, task.phi_space.visible(phi))
    assert float((chance > 0.5).float().mean()) > 0.9


def test_each_episode_is_acted_on_by_its_own_hypothesis():
    class Reaching:
        """Notes where the banana is seen in each episode."""

        observation_horizon, action_horizon = 2, 8

        def __init__(self):
            self.places = []

        def __call__(self, observations, generator=None):
            self.places.append(observations["object_position"][:, -1, 0, :2])
            return observations["last_command"][:, -1:].repeat(1, 8, 1)

    task = BumpedCamera("wide", {"rollouts": Rollouts()})
    task.max_steps = 8
    phi, skill = drawn(task, 7), Reaching()
    truth = task.phi_space.hidden(phi)
    rollout(task.environment(3, num_threads=1), AsIf(skill, task, truth), phi, seed=0)
    seen = torch.cat(skill.places)
    really = task.place(phi)[:, 0, :2]
    torch.testing.assert_close(seen, really, rtol=0, atol=1e-3)


def test_nothing_is_demonstrated_by_one_who_does_not_know(task):
    assert task.plan() is None


def test_a_skills_checkpoint_fits_and_a_family_without_anything_hidden_is_refused(task):
    assert task.spec == PickBanana("point", {"rollouts": Rollouts()}).spec

    class NothingHidden(HiddenTask, PickBanana):
        skill = "pick_banana"
        as_if = skill_plan = chance = believed = None

    with pytest.raises(TypeError, match="has no hidden task parameter"):
        NothingHidden("point", {"rollouts": Rollouts()})


@pytest.mark.parametrize("name", ["phi", "camera_x"])
def test_a_family_that_shows_what_is_hidden_is_refused(name):
    class Telling(BumpedCamera):
        @property
        def spec(self):
            spec = super().spec
            seen = {**spec.observation, name: Range.repeat(-1.0, 1.0, 2)}
            return replace(spec, observation=seen)

    with pytest.raises(TypeError, match=f"observes '{name}', which is hidden"):
        Telling("wide", {"rollouts": Rollouts()})
