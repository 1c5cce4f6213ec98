"""Students: what they are to do, that they learn it, and which teachers are refused."""

from functools import partial

import pytest
import torch
from toy_task import SPEC, tiny_policy, tiny_trainer

from callbacks import RolloutCollection
from datamodules import HiddenReach, Rollouts
from lightning_modules import (
    Exploration,
    FilteredCloning,
    Horizons,
    LifetimeDistillation,
    MetaLearner,
    MLPDenoiser,
    PolicyDistillation,
    Reinforce,
    Sampler,
    Schedule,
)
from lightning_modules.diffusion import filled
from lightning_modules.policy import load_learner
from lightning_modules.teacher import teacher_targets

HORIZONS = Horizons(observation=1, prediction=8, action=8)
SHOTS = 2
TRUNK = {"width": 16, "num_layers": 1, "num_heads": 2, "context": 2 * SHOTS}


def reach():
    return HiddenReach("wide", {"rollouts": Rollouts(passes=8, minibatches=4)})


def saved(model, path):
    trainer = tiny_trainer(max_epochs=0)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(path)
    return str(path)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A small meta-learner of random weights, which act on what is seen and remembered."""
    torch.manual_seed(3)
    made = MetaLearner(
        reach().spec,
        denoiser=partial(MLPDenoiser, width=16),
        horizons=HORIZONS,
        sampler=Sampler(num_steps=4, eta=0.0),
        **TRUNK,
    )
    return saved(made, tmp_path_factory.mktemp("teacher") / "teacher.ckpt")


def student(**arguments):
    torch.manual_seed(0)
    defaults = {
        "spec": reach().spec,
        "denoiser": partial(MLPDenoiser, width=64),  # four times as large and more
        "horizons": HORIZONS,
        "sampler": Sampler(num_steps=4, eta=0.0),
        "objective": Reinforce(),
        "exploration": Exploration(0.05),
        "learning_rate": 3e-3,
        "shots": SHOTS,
        **TRUNK,
        "width": 32,
    }
    return LifetimeDistillation(**{**defaults, **arguments})


def taught(model, epochs=12):
    collection = RolloutCollection(128, num_envs=128, environments=1)
    trainer = tiny_trainer(max_epochs=epochs, callbacks=[collection], gradient_clip_val=1.0)
    trainer.fit(model, reach())
    return trainer.callback_metrics


def apart(one, other, seed=9):
    """How far two learners' chunks are from each other, at first decisions, from the same noise."""
    task = reach()
    env = task.environment(256)
    seen = env.reset(phi=task.phi_set.sample(256, torch.Generator().manual_seed(seed)))
    observations = seen["observation"][:, None]
    begin = torch.randn(1, 256, 8, 2, generator=torch.Generator().manual_seed(seed))
    chunks = []
    for learner in (one, other):
        count = learner.sampler.num_noises(learner.schedule)
        noise = torch.cat([begin, torch.zeros(count - 1, 256, 8, 2)])
        with torch.no_grad():
            chunks.append(learner.predict_chain(observations.clone(), noise=noise)[-1])
    return float((chunks[0] - chunks[1]).square().mean().sqrt())


# Of a teacher with random weights, what comes of noise in all its steps is jagged.
@pytest.mark.parametrize(("steps", "prediction", "left"), [(4, "epsilon", 0.4), (1, "v", 0.6)])
def test_a_larger_student_learns_to_do_as_its_teacher_also_in_fewer_steps(
    teacher, steps, prediction, left
):
    sampler, schedule = Sampler(num_steps=steps, eta=0.0), Schedule(prediction=prediction)
    model = student(teacher=teacher, sampler=sampler, schedule=schedule)
    of_teacher = load_learner(teacher)
    before = apart(model, of_teacher)
    metrics = taught(model)
    assert apart(model.eval(), of_teacher) < left * before
    assert "train/distillation_loss" in metrics
    assert not any("teacher" in name for name in model.state_dict())


def test_the_target_of_the_same_step_is_the_teachers_own_output(teacher):
    made = load_learner(teacher)
    x, seen = torch.randn(6, 8, 2), torch.randn(6, made.denoiser.condition_dim)
    pairs = list(zip(*(iter(made.sampler.steps(made.schedule)[i:]) for i in (0, 1)), strict=False))
    k, j = torch.tensor((pairs * 2)[:6]).T
    found = teacher_targets(made, made.schedule, x, k, j, seen)
    for row, start in enumerate(k.tolist()):
        one = slice(row, row + 1)
        expected = made.denoiser(x[one], filled(start, x[one]), seen[one])
        torch.testing.assert_close(found[one], expected)


def test_the_teachers_weight_falls_and_reward_is_left(teacher, monkeypatch):
    model = student(teacher=teacher, reward_weight=1.0, iterations=4)
    weights = []
    for epoch in range(6):
        monkeypatch.setattr(type(model), "current_epoch", epoch)
        weights.append(model.teacher_weight)
    assert weights == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_teachers_that_do_not_fit_are_refused(tmp_path, teacher):
    policy = saved(tiny_policy(), tmp_path / "policy.ckpt")
    without_memory = PolicyDistillation(
        reach().spec,
        teacher=teacher,
        tuned_steps=None,
        horizons=HORIZONS,
        sampler=Sampler(num_steps=4),
        objective=Reinforce(),
        denoiser=partial(MLPDenoiser, width=16),
    )
    others = Horizons(observation=1, prediction=8, action=4)
    for model, sentence in (
        (student(), "needs the checkpoint of a teacher"),
        (student(teacher=policy), "its task is toy, the current one is reach"),
        (student(teacher=teacher, horizons=others), r"horizons is .*action=8.* student's .*=4"),
        (without_memory, "both must have a memory, or neither"),
    ):
        with pytest.raises(ValueError, match=sentence):
            taught(model, epochs=1)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"reward_weight": -1.0}, "reward_weight is -1"),
        ({"iterations": 5}, "since the teacher's weight falls to 0"),
        ({"objective": FilteredCloning()}, "FilteredCloning clones chunks"),
    ],
)
def test_bad_arguments_are_named(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        student(**wrong)


def test_a_student_that_would_keep_denoising_steps_as_they_are_is_refused():
    with pytest.raises(ValueError, match="tuned_steps is 3, a student is taught at all"):
        PolicyDistillation(SPEC, sampler=Sampler(num_steps=5))
