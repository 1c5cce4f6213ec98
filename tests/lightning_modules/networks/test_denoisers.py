import pytest
import torch

from lightning_modules.networks import MLPDenoiser, TransformerDenoiser, UNetDenoiser
from lightning_modules.networks.embedding import DenoisingStepEmbedding

SMALL = {
    MLPDenoiser: {"width": 32, "num_blocks": 1},
    UNetDenoiser: {"channels": (8, 16, 24)},
    TransformerDenoiser: {"width": 16, "num_blocks": 2, "num_heads": 2},
}


@pytest.fixture(params=SMALL, ids=lambda cls: cls.__name__)
def make(request):
    return lambda horizon: request.param(7, horizon, 10, **SMALL[request.param])


def inputs(horizon, size=4):
    torch.manual_seed(0)
    return torch.randn(size, horizon, 7), torch.randint(1, 21, (size,)), torch.randn(size, 10)


@pytest.mark.parametrize("horizon", [1, 2, 7, 10, 12, 16])
def test_a_chunk_of_any_length_comes_out_in_its_shape(make, horizon):
    x, k, condition = inputs(horizon)
    assert make(horizon)(x, k, condition).shape == x.shape


def test_samples_of_a_batch_do_not_see_each_other(make):
    net = make(12).eval()
    x, k, condition = inputs(12)
    batch = net(x, k, condition)
    alone = net(x[1:2], k[1:2], condition[1:2])
    torch.testing.assert_close(batch[1:2], alone, rtol=1e-4, atol=1e-5)


def test_every_parameter_learns_and_every_input_matters(make):
    net = make(12)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    x, k, condition = inputs(12, size=64)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    for _ in range(3):
        optimizer.zero_grad()
        (net(x, k, condition) - x).square().mean().backward()
        optimizer.step()
    assert all(not torch.equal(before[name], p) for name, p in net.named_parameters())
    x.requires_grad_()
    condition.requires_grad_()
    output = net(x, k, condition)
    output.square().sum().backward()
    assert (x.grad.abs().sum(dim=(1, 2)) > 0).all()
    assert (condition.grad.abs().sum(dim=1) > 0).all()
    assert not torch.allclose(output, net(x, k % 20 + 1, condition))


def test_mixed_precision_runs_and_keeps_the_shape(make):
    x, k, condition = inputs(12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert make(12)(x, k, condition).shape == x.shape


def test_a_denoiser_is_made_again_from_its_own_arguments(make):
    net = make(12)
    again = type(net)(7, 12, 10, **net.own_args)
    again.load_state_dict(net.state_dict())
    torch.testing.assert_close(net(*inputs(12)), again(*inputs(12)))


def test_embeddings_tell_all_denoising_steps_apart():
    embedded = DenoisingStepEmbedding(32)(torch.arange(101))
    assert torch.pdist(embedded).min() > 0


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: MLPDenoiser(0, 12, 10), "action_dim is 0"),
        (lambda: UNetDenoiser(7, 12, 10, channels=(12,)), "multiples of num_groups 8"),
        (lambda: UNetDenoiser(7, 12, 10, kernel_size=4), "must be odd"),
        (lambda: TransformerDenoiser(7, 12, 10, width=30), "not a multiple of num_heads 4"),
        (lambda: DenoisingStepEmbedding(3), "even"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
