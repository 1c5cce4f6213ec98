import pytest
from rollout_toys import ToyRollout

from callbacks import evaluation


@pytest.fixture
def toy_rollout(monkeypatch):
    rollout = ToyRollout()
    monkeypatch.setattr(evaluation, "rollout", rollout)
    return rollout


@pytest.fixture(autouse=True)
def seeded(monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
