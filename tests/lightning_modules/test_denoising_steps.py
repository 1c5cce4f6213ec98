import torch
from tensordict import TensorDict

from lightning_modules.denoising_steps import denoising_steps


def test_the_noisiest_step_comes_first_and_the_last_has_none_left():
    decisions = TensorDict({"condition": torch.tensor([[1.0], [2.0]])}, batch_size=[2])
    chain = torch.arange(8.0).reshape(2, 4, 1, 1)  # of each decision x_9, x_6, x_3, x_0
    log_prob = torch.arange(6.0).reshape(2, 3)
    steps = denoising_steps(decisions, chain, log_prob, [(9, 6), (6, 3), (3, 0)])
    of_the_second = steps[steps["condition"][:, 0] == 2]
    order = of_the_second["k"].argsort(descending=True)
    second = of_the_second[order]
    assert second["k"].tolist() == [9, 6, 3]
    assert second["j"].tolist() == [6, 3, 0]
    assert second["steps_left"].tolist() == [2, 1, 0]
    assert second["progress"].tolist() == [0.0, 0.5, 1.0]
    assert second["x_k"].flatten().tolist() == [4, 5, 6]
    assert second["x_j"].flatten().tolist() == [5, 6, 7]
    assert second["log_prob"].tolist() == [3, 4, 5]
