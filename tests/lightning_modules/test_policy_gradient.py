from functools import partial

import pytest
import torch
from lightning.pytorch import seed_everything
from tensordict import TensorDict
from toy_task import SPEC, ToyData, observations, tiny_policy, tiny_trainer, windows

from lightning_modules import (
    PPO,
    Exploration,
    FilteredCloning,
    Horizons,
    MLPDenoiser,
    PolicyGradient,
    Reinforce,
    RewardWeighted,
    Sampler,
    Stitching,
    load_policy,
)
from lightning_modules.checkpoint import check_same_training

SIZE = 512


def learner(**arguments):
    defaults = {
        "denoiser": partial(MLPDenoiser, width=64),
        "horizons": Horizons(observation=2, prediction=4, action=2),
        "sampler": Sampler(num_steps=5),
        "tuned_steps": 3,
        "exploration": Exploration(0.1),
        "learning_rate": 1e-3,
        "critic_warmup": 0,
    }
    return PolicyGradient(SPEC, **{**defaults, **arguments})


@pytest.fixture(scope="module")
def beachhead(tmp_path_factory):
    """Cloned from demonstrations that go left and right of the target with equal odds."""
    path = tmp_path_factory.mktemp("beachhead") / "beachhead.ckpt"
    seed_everything(0)
    trainer = tiny_trainer(max_epochs=60, limit_val_batches=0)
    trainer.fit(tiny_policy(), ToyData())
    trainer.save_checkpoint(path)
    return str(path)


def attempts(policy, seed, reward):
    """One decision an episode; ``reward(chunk, target)`` says which succeed."""
    seen = observations(SIZE, seed=seed)
    explored = policy.explore(seen, torch.Generator().manual_seed(seed))
    success = reward(explored.pop("chunk"), seen["target"][:, -1])
    explored["attempt"] = torch.arange(SIZE)
    explored["index"] = torch.zeros(SIZE, dtype=torch.long)
    return explored, TensorDict({"success": success}, [SIZE])


def goes_right(chunk, target):
    return ((chunk[..., 0] - target - 2).abs() < 0.7).all(-1)


def improve(policy, iterations, reward=goes_right, demonstrations=None):
    """The learning loop without a Trainer; success of each iteration's attempts."""
    optimizer = policy.configure_optimizers()
    rates = []
    policy.log = policy.log_dict = lambda *_, **__: None
    policy.note_kl = lambda _: None
    policy._seed = 0
    trainer = {"current_epoch": 9, "global_step": 0, "global_rank": 0, "world_size": 1}
    policy._trainer = type("T", (), trainer)()
    for iteration in range(iterations):
        decisions, episodes = attempts(policy, iteration, reward)
        rates.append(float(episodes["success"].float().mean()))
        samples = policy.samples(decisions, episodes)
        for i in range(3):
            order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(i))
            for part in order.split(256):
                policy._trainer.global_step += 1
                optimizer.zero_grad()
                batch = samples[part]
                if demonstrations is not None:
                    batch = {"ours": batch, "theirs": demonstrations}
                policy.training_step(batch, 0).backward()
                optimizer.step()
    return rates


@pytest.mark.parametrize(
    "objective",
    [PPO(clip=0.1, clip_first=0.03), Reinforce(), FilteredCloning(), RewardWeighted()],
    ids=lambda o: type(o).__name__,
)
def test_a_policy_that_succeeds_at_times_learns_to_succeed(beachhead, objective):
    whole = isinstance(objective, FilteredCloning | RewardWeighted)
    policy = learner(beachhead=beachhead, objective=objective, tuned_steps=None if whole else 3)
    rates = improve(policy, 12)
    assert 0.05 < rates[0] < 0.6, [round(r, 2) for r in rates]
    assert rates[-1] > rates[0] + 0.25, [round(r, 2) for r in rates]


def test_demonstrations_hold_the_policy_where_they_are(beachhead):
    """Demonstrations go left and right, reward is on the right only."""
    rates = {}
    for weight, theirs in ((0.0, None), (10.0, windows(256, seed=5))):
        policy = learner(
            beachhead=beachhead,
            objective=FilteredCloning(),
            tuned_steps=None,
            cloning_weight=weight,
        )
        rates[weight] = improve(policy, 12, demonstrations=theirs)[-1]
    assert rates[10.0] < 0.5 < rates[0.0] - 0.05, rates


def test_without_reward_the_plain_policy_gradient_is_exactly_zero():
    policy = learner(objective=Reinforce())
    decisions, episodes = attempts(policy, 0, lambda chunk, _: torch.zeros(SIZE, dtype=torch.bool))
    steps = policy.samples(decisions, episodes)
    now = policy.log_prob(steps)
    policy.objective.loss(now - steps["log_prob"], now, steps).backward()
    assert all((p.grad == 0).all() for p in policy.denoiser.parameters() if p.grad is not None)
    assert any(p.grad is not None for p in policy.denoiser.parameters())


def test_a_beachheads_policy_acts_as_it_did_until_something_is_learned(beachhead):
    cloned = load_policy(beachhead, sampler=Sampler(num_steps=5))
    policy = learner(beachhead=beachhead).eval()
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    with torch.inference_mode():
        decided = policy(observations(16), generators[0])
    torch.testing.assert_close(decided, cloned(observations(16), generators[1]))


def test_only_the_last_denoising_steps_are_tuned(beachhead):
    policy = learner(beachhead=beachhead)
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    improve(policy, 1)
    after = policy.state_dict()
    assert all(torch.equal(after[n], before[n]) for n in after if n.startswith("base."))
    assert not torch.equal(after["denoiser.inlet.weight"], before["denoiser.inlet.weight"])
    noise = torch.randn(5, 4, 4, 2, generator=torch.Generator().manual_seed(0))
    old = learner(beachhead=beachhead)
    with torch.no_grad():
        chains = [p.predict_chain(observations(4), noise=noise) for p in (old, policy)]
    torch.testing.assert_close(chains[0][:3], chains[1][:3])
    assert not torch.allclose(chains[0][3], chains[1][3])


def test_the_density_of_what_was_drawn_is_that_of_the_policy_that_drew_it(beachhead):
    policy = learner(beachhead=beachhead)
    decisions, episodes = attempts(policy, 0, goes_right)
    steps = policy.samples(decisions, episodes)
    assert len(steps) == SIZE * policy.tuned_steps
    torch.testing.assert_close(policy.log_prob(steps), steps["log_prob"])


def test_ratios_count_only_within_the_range_of_their_denoising_step():
    objective = PPO(clip=0.1, clip_first=0.01, denoising_discount=0.5)
    log_ratio = torch.tensor([0.05, 0.05, -0.05, 0.05]).requires_grad_()
    batch = TensorDict(
        {
            "weight": torch.tensor([1.0, 1.0, -1.0, -1.0]),
            "progress": torch.tensor([0.0, 1.0, 0.0, 0.0]),
            "steps_left": torch.tensor([2.0, 0.0, 2.0, 2.0]),
        },
        [4],
    )
    objective.loss(log_ratio, log_ratio, batch).backward()
    # Beyond 1 % at the noisiest step nothing is left to gain; within 10 % at the last there is, and
    # a bad step that became likelier is always made less likely.
    expected = torch.tensor([0.0, -1.0, 0.0, 0.25]) * log_ratio.detach().exp() / 4
    torch.testing.assert_close(log_ratio.grad, expected)


def test_a_tuned_policy_is_rebuilt_from_its_checkpoint_alone(beachhead, tmp_path):
    policy = learner(beachhead=beachhead, objective=Reinforce(gamma=0.9))
    trainer = tiny_trainer(limit_val_batches=1)
    trainer.validate(policy, ToyData(), verbose=False)
    trainer.save_checkpoint(tmp_path / "tuned.ckpt")
    loaded = load_policy(tmp_path / "tuned.ckpt")
    loaded.seed(1)
    with torch.inference_mode():
        expected = policy.eval()(observations(3), torch.Generator().manual_seed(1))
    assert torch.equal(loaded(observations(3)), expected)
    assert loaded._learner.objective == Reinforce(gamma=0.9)


@pytest.fixture(scope="module")
def tuned(beachhead, tmp_path_factory):
    """A checkpoint of a policy gradient: its base and its denoiser differ."""
    policy = learner(beachhead=beachhead)
    improve(policy, 2)
    with torch.no_grad():  # so much that the base cannot be taken for the denoiser
        for weight in policy.base.parameters():
            weight *= 0.9
    path = tmp_path_factory.mktemp("tuned") / "tuned.ckpt"
    trainer = tiny_trainer(limit_val_batches=0)
    trainer.validate(fresh := learner(beachhead=beachhead), ToyData(), verbose=False)
    fresh.load_state_dict(policy.state_dict())
    trainer.save_checkpoint(path)
    return str(path)


def test_a_policy_tuned_before_goes_on_as_the_whole_that_it_was(tuned):
    before = load_policy(tuned)
    policy = learner(beachhead=tuned).eval()
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    with torch.inference_mode():
        decided = policy(observations(16), generators[0])
    torch.testing.assert_close(decided, before(observations(16), generators[1]))


def test_a_policy_tuned_before_is_refused_where_it_would_act_otherwise(tuned):
    for changed in ({"tuned_steps": 2}, {"sampler": Sampler(num_steps=4)}, {"tuned_steps": None}):
        with pytest.raises(ValueError, match="was itself tuned, in 3 steps"):
            learner(beachhead=tuned, **changed)


def test_a_tuned_policy_is_not_taken_for_one_tuned_in_other_steps(tuned):
    checkpoint = torch.load(tuned, weights_only=True)
    learner().on_load_checkpoint(dict(checkpoint))
    for changed in ({"tuned_steps": 2}, {"sampler": Sampler(num_steps=4)}):
        with pytest.raises(ValueError, match="tuned in the last 3 of the denoising steps 20"):
            learner(**changed).on_load_checkpoint(dict(checkpoint))


def test_a_policy_that_was_never_tuned_is_not_taken_for_one_that_was(beachhead):
    with pytest.raises(ValueError, match="was never tuned: give it as beachhead"):
        learner().on_load_checkpoint(dict(torch.load(beachhead, weights_only=True)))


def test_a_broken_beachhead_is_refused_by_its_name(beachhead, tmp_path):
    for change, sentence in (
        (lambda weights, name: weights.pop(name), "lacks the weights"),
        (lambda weights, name: weights[name].fill_(float("nan")), "are not finite"),
    ):
        checkpoint = torch.load(beachhead, weights_only=True)
        name = next(n for n in checkpoint["state_dict"] if n.startswith("denoiser."))
        change(checkpoint["state_dict"], name)
        torch.save(checkpoint, tmp_path / "broken.ckpt")
        with pytest.raises(ValueError, match=rf"broken\.ckpt is broken: .*{sentence}"):
            learner(beachhead=str(tmp_path / "broken.ckpt"))


def test_demonstrations_are_cloned_in_the_denoising_steps_that_are_tuned():
    assert learner(tuned_steps=3, sampler=Sampler(num_steps=5)).noisiest == 12  # of 20 16 12 8 4
    assert learner(tuned_steps=None).noisiest == 20


def test_with_another_sampler_each_network_keeps_its_denoising_steps(tuned):
    policy = load_policy(tuned, sampler=Sampler())._learner
    assert policy.sampler.steps(policy.schedule)[:2] == (20, 19)
    x, condition = torch.randn(3, 4, 2), policy.encode(observations(3))
    with torch.inference_mode():
        for k in (12, 13, 20):  # the last three of 20, 16, 12, 8, 4
            steps = torch.full((3,), k)
            network = policy.denoiser if k <= 12 else policy.base
            assert torch.equal(policy.denoise(x, k, condition), network(x, steps, condition))


def test_only_the_critic_learns_in_the_warm_up(beachhead):
    for warm_up, moves in ((100, False), (0, True)):
        policy = learner(beachhead=beachhead, critic_warmup=warm_up)
        before = {name: value.clone() for name, value in policy.state_dict().items()}
        improve(policy, 1)
        after = policy.state_dict()
        moved = {n.split(".")[0] for n in after if not torch.equal(after[n], before[n])}
        assert moved == ({"critic", "denoiser"} if moves else {"critic"})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"cloning_weight": -1.0}, "cloning_weight is -1.0, it must not be negative"),
        ({"target_kl": -1.0}, "target_kl is -1.0, it must be above 0"),
        ({"target_kl": float("nan")}, "target_kl is nan"),
        ({"critic_warmup": -1}, "critic_warmup is -1, it must not be negative"),
        ({"critic_width": 0}, "critic_width is 0"),
        ({"critic_learning_rate": -1.0}, "critic_learning_rate is -1.0"),
        ({"objective": FilteredCloning()}, "FilteredCloning clones whole chunks"),
        ({"objective": Stitching()}, "Stitching is for lifetimes"),
        ({"tuned_steps": 6}, "tuned_steps is 6, the sampler takes 5 denoising steps"),
        ({"sampler": Sampler("dpm_solver", num_steps=5)}, "dpm_solver's steps have no density"),
        ({"beachhead": "nowhere.ckpt"}, "no checkpoint at 'nowhere.ckpt'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, sentence):
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        learner(**arguments)


@pytest.mark.parametrize(
    ("saved", "current", "sentence"),
    [
        (PPO(), PPO(clip=0.02), "keeps its objective: its objective clip is 0.01, .* is 0.02"),
        (PPO(), Reinforce(), "its objective class_path is .*PPO, the current one is .*Reinforce"),
    ],
)
def test_a_run_is_not_resumed_under_another_objective(saved, current, sentence):
    arguments = {"init_args": learner(objective=saved).init_args()}
    checkpoint = {"policy": arguments, "optimizer_states": []}
    with pytest.raises(ValueError, match=sentence):
        check_same_training(checkpoint, learner(objective=current).init_args())
