import torch
from torch.nn import functional as F  # noqa: N812

from lightning_modules.networks.critic import Critic


def test_the_same_state_may_be_worth_less_the_later_it_is_seen():
    """Returns that depend on state and time can be learnt, each row by itself."""
    torch.manual_seed(0)
    critic = Critic(condition_dim=2, width=64)
    state = torch.rand(512, 2)
    decisions = torch.randint(0, 10, (512,))
    worth = (state[:, 0] > 0.5) * 0.9**decisions
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        loss = F.mse_loss(critic(state, decisions), worth)
        loss.backward()
        optimizer.step()
    assert loss < 0.1 * worth.var()
    early, late = (critic(torch.tensor([[0.9, 0.5]]), torch.tensor([t])) for t in (0, 9))
    assert early.shape == (1,)
    assert early > late + 0.4
    together = critic(torch.tensor([[0.9, 0.5], [0.1, 0.5]]), torch.tensor([9, 0]))
    torch.testing.assert_close(together[:1], late)
