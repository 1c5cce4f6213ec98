import pytest
import torch

from robot.phi import Box, Dimension, PhiSet, PhiSpace

SPACE = PhiSpace((Dimension("x", 0.0, 1.0), Dimension("mass", 0.1, 0.5, visible=False)))


def box_set(name, low, high):
    return PhiSet(name, (SPACE.box(x=(low, high)),))


def test_samples_of_a_union_lie_in_it_and_fall_to_boxes_by_volume():
    union = PhiSet("two", (SPACE.box(x=(0.0, 0.1)), SPACE.box(x=(0.5, 0.8))))
    phi = union.sample(20_000, torch.Generator().manual_seed(0))
    assert union.contains(phi).all()
    assert abs((phi[:, 0] < 0.3).float().mean() - 0.25) < 0.02
    assert not union.contains(torch.tensor([[0.3, 0.2]])).any()


def test_points_that_are_spread_are_uniform_and_their_mean_varies_less():
    union = PhiSet("two", (SPACE.box(x=(0.0, 0.1)), SPACE.box(x=(0.5, 0.8))))
    draws = {name: [] for name in ("sample", "spread")}
    for seed in range(200):
        for name, means in draws.items():
            phi = getattr(union, name)(32, torch.Generator().manual_seed(seed))
            assert union.contains(phi).all()
            means.append(phi.mean(0))
    spread, sampled = (torch.stack(draws[name]) for name in ("spread", "sample"))
    torch.testing.assert_close(
        spread.mean(0), torch.tensor([0.25 * 0.05 + 0.75 * 0.65, 0.3]), rtol=0, atol=0.005
    )
    assert (spread.std(0) < 0.3 * sampled.std(0)).all()


def test_sets_that_are_not_nested_are_refused_by_name():
    with pytest.raises(ValueError, match="phi set 'b' does not contain 'a'"):
        SPACE.nested([box_set("a", 0.1, 0.6), box_set("b", 0.2, 0.9)])


def test_a_set_that_leaves_the_space_is_refused():
    outside = PhiSet("far", (Box((0.0, 0.1), (2.0, 0.5)),))
    with pytest.raises(ValueError, match="phi set 'space' does not contain 'far'"):
        SPACE.nested([outside])


def test_visible_and_hidden_parts_put_together_are_phi():
    phi = torch.rand(3, 2)
    assert torch.equal(torch.cat([SPACE.visible(phi), SPACE.hidden(phi)], -1), phi)
    assert SPACE.num_visible == 1


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"y": (0, 1)}, "no phi dimension 'y'; there are x, mass"),
        ({"x": (0.0, 1.5)}, "phi dimension 'x': bounds 0.0 to 1.5 are not within 0.0 to 1.0"),
    ],
)
def test_a_wrong_box_is_refused_with_the_valid_choices(bounds, message):
    with pytest.raises(ValueError, match=message):
        SPACE.box(**bounds)


def test_a_hidden_dimension_before_a_visible_one_is_refused():
    with pytest.raises(ValueError, match="visible phi dimensions must come before hidden"):
        PhiSpace((Dimension("a", 0, 1, visible=False), Dimension("b", 0, 1)))


def test_a_box_around_a_center_is_cut_to_the_space():
    box = SPACE.around({"x": 0.9, "mass": 0.2}, x=0.3)
    assert box.low == pytest.approx((0.6, 0.2))
    assert box.high == pytest.approx((1.0, 0.2))


@pytest.mark.parametrize(
    ("center", "distance", "message"),
    [
        ({"x": 1.2}, {}, "phi dimension 'x': the center 1.2 is not within 0.0 to 1.0"),
        ({"y": 0.2}, {}, "no phi dimension 'y'"),
        ({"x": 0.2}, {"mass": 0.1}, "phi dimension 'mass' has a distance and no center"),
    ],
)
def test_a_wrong_center_is_refused(center, distance, message):
    with pytest.raises(ValueError, match=message):
        SPACE.around(center, **distance)
