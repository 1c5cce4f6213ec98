"""Attempts that a fault has ended are made again, and what was decided in them is dropped."""

import torch
from tensordict import TensorDict

from callbacks import attempts
from callbacks.attempts import all_attempts, all_decisions


class Learner:
    """Decides twice in each of its attempts; a decision knows whose it is."""

    def explorer(self, n):
        self.n = n
        return self

    def decisions(self, length):
        number = torch.arange(self.n).repeat(2)
        return TensorDict({"attempt": number, "of": self.phi[number, 0]}, batch_size=[2 * self.n])


def test_what_was_aborted_is_made_again_and_leaves_no_decision(monkeypatch):
    learner, seeds = Learner(), []
    broken = iter([[False, True, False, True, False], [True, False], [False]])

    def rollout(env, policy, phi, seed):
        seeds.append(seed)
        learner.phi = phi
        aborted = torch.tensor(next(broken))
        success = ~aborted
        made = {"phi": phi, "success": success, "length": torch.ones(len(phi)), "aborted": aborted}
        return TensorDict(made, batch_size=len(phi))

    monkeypatch.setattr(attempts, "rollout", rollout)
    phi = torch.arange(5.0)[:, None]
    groups = attempts.attempt(None, learner, True, phi, None, 7)
    made, decided = all_attempts(groups), all_decisions(groups)
    assert made["phi"].squeeze(1).tolist() == [0, 2, 4, 3, 1]
    assert made["success"].all()
    assert len(set(seeds)) == 3
    assert sorted(decided["of"].tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    torch.testing.assert_close(made["phi"][decided["attempt"], 0], decided["of"])


def test_without_a_fault_there_is_one_group(monkeypatch):
    learner = Learner()

    def rollout(env, policy, phi, seed):
        learner.phi = phi
        return TensorDict({"phi": phi, "length": torch.ones(len(phi))}, batch_size=len(phi))

    monkeypatch.setattr(attempts, "rollout", rollout)
    (group,) = attempts.attempt(None, learner, True, torch.zeros(3, 1), None, 7)
    assert "aborted" not in group.attempts
    assert len(group.decisions) == 6
