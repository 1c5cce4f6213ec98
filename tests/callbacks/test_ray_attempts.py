"""Attempts on a Ray cluster of two workers are those that are made here."""

import threading
import time

import pytest
import torch

from callbacks.attempts import Attempts, all_attempts, all_decisions
from callbacks.ray_attempts import RayAttempts
from datamodules import HiddenReach, PickBanana, Rollouts
from lightning_modules import LifetimeGradient, PolicyGradient
from robot.success_rate import SuccessRate

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=4, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def task():
    return PickBanana("point", {"rollouts": Rollouts()})


@pytest.fixture(scope="module")
def learner(task):
    torch.manual_seed(0)
    return PolicyGradient(task.spec)


@pytest.fixture(scope="module")
def workers():
    attempts = RayAttempts(num_envs=8, environments=2)
    yield attempts
    attempts.close()


@pytest.fixture(scope="module")
def phi(task):
    return task.phi_set.sample(24, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def here(task, learner, phi):
    attempts = Attempts(num_envs=8)
    yield attempts(task, learner, True, phi, ("test",))
    attempts.close()


def test_what_is_collected_is_the_same(task, learner, workers, phi, here):
    there = workers(task, learner, True, phi, ("test",))
    assert torch.equal(all_attempts(there)["length"], all_attempts(here)["length"])
    first, second = all_decisions(here), all_decisions(there)
    assert torch.equal(first["attempt"], second["attempt"])
    assert torch.allclose(first["chain"], second["chain"], atol=1e-4)
    assert torch.allclose(first["log_prob"], second["log_prob"], atol=1e-3)


def test_a_worker_that_is_killed_costs_its_attempts_only(task, learner, workers, phi, here):
    workers(task, learner, False, phi[:8], ("warm",))
    victim = workers._collector.remote_collectors[0]

    def kill():
        time.sleep(0.3)
        ray.kill(victim, no_restart=False)

    killer = threading.Thread(target=kill)
    killer.start()
    there = workers(task, learner, True, phi, ("test",))
    killer.join()
    assert torch.equal(all_attempts(there)["phi"], all_attempts(here)["phi"])
    assert torch.equal(all_attempts(there)["length"], all_attempts(here)["length"])


def test_lifetimes_succeed_as_often_on_workers_as_here():
    task = HiddenReach("wide", {"rollouts": Rollouts()})
    torch.manual_seed(0)
    learner = LifetimeGradient(task.spec, shots=3, width=16, num_layers=1, num_heads=2, context=8)
    phi = task.phi_set.sample(512, torch.Generator().manual_seed(1))
    rates = []
    for make, key in ((Attempts, "here"), (RayAttempts, "there")):
        attempts = make(256, shots=3)
        made = all_attempts(attempts(task, learner, False, phi, (key,)))
        attempts.close()
        rates.append(SuccessRate.of(made["success"].flatten()))
    here, there = rates
    assert here.interval[0] <= there.interval[1]
    assert there.interval[0] <= here.interval[1]


def test_more_workers_than_cores_are_refused_in_one_sentence(task, learner, phi):
    attempts = RayAttempts(8, environments=99)
    with pytest.raises(ValueError, match="environments is 99, a core each"):
        attempts(task, learner, True, phi, ("test",))
