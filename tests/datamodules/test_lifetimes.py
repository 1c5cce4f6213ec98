"""Lifetimes on disk: written whole or not at all, never mixed, served without what is hidden."""

import json

import pytest
import torch
from tensordict import TensorDict
from toy_task import SPEC

from datamodules.lifetime_store import SCHEMA_VERSION, LifetimeStore
from datamodules.lifetimes import Lifetimes

METADATA = {
    "task": "toy",
    "spec": SPEC.to_dict(),
    "observation_horizon": 2,
    "prediction_horizon": 4,
    "action_horizon": 2,
    "hypothesis": "best",
}


def made(size=8, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.rand(size, *shape, generator=generator)

    return TensorDict(
        {
            "observation": draw(3, 4, 2, SPEC.observation_dim),
            "last_command": draw(3, 4, 2),
            "action": draw(3, 8, 2),
            "oracle": draw(3, 4, 4, 2),
            "length": torch.full((size, 3), 8),
            "success": draw(3) < 0.5,
            "phi": draw(2),
        },
        [size],
    )


def served(path, **setup):
    source = Lifetimes(path, batch_size=4, steps_per_epoch=3, validation=0.25)
    place = {"observation_horizon": 2, "prediction_horizon": 4, "seed": 0, "rank": 0}
    source.setup(SPEC, **{**place, "world_size": 1, **setup})
    return source


def test_what_was_written_is_read(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    parts = [made(seed=i) for i in range(3)]
    for i in (2, 0, 1):  # in whatever order
        store.write(i, parts[i])
    loaded = LifetimeStore.open(tmp_path).load()
    assert (loaded == torch.cat(parts)).all()


def test_a_part_that_was_not_finished_is_not_there(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    store.write(0, made())
    (tmp_path / ".unfinished-00001").mkdir()  # as a writer leaves it that is killed
    assert store.parts() == [0]
    assert len(store.load()) == 8
    store.write(1, made(seed=1))
    assert store.parts() == [0, 1]


def test_lifetimes_made_in_another_way_are_not_mixed(tmp_path):
    LifetimeStore.open_or_create(tmp_path, METADATA)
    LifetimeStore.open_or_create(tmp_path, METADATA)  # the same way: goes on
    with pytest.raises(ValueError, match="whose hypothesis is best, here it is informed"):
        LifetimeStore.open_or_create(tmp_path, {**METADATA, "hypothesis": "informed"})


def test_a_lifetime_of_several_phi_or_with_nan_is_refused(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    mixed, broken = made(), made()
    mixed["phi"] = mixed["phi"][:, None].expand(-1, 3, -1)
    broken["action"][2, 1, 3] = float("nan")
    for lifetimes, sentence in (
        (mixed, "a lifetime has one phi"),
        (broken, "action is not finite"),
    ):
        with pytest.raises(ValueError, match=sentence):
            store.write(0, lifetimes)
    with pytest.raises(ValueError, match="lifetimes lack oracle"):
        store.write(0, made().exclude("oracle"))
    assert store.parts() == []


def test_training_and_validation_share_no_lifetime_and_see_no_phi(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    store.write(0, made(size=16))
    source = served(tmp_path)
    train = torch.cat(list(source.train_loader()))  # 12 of them: a whole pass
    held_out = torch.cat(list(source.validation_loader()))
    assert "phi" not in train
    keys = [set(part["action"].flatten(1).sum(1).tolist()) for part in (train, held_out)]
    assert (len(keys[0]), len(keys[1])) == (12, 4)
    assert not keys[0] & keys[1]


def test_ranks_get_different_lifetimes(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    store.write(0, made(size=32))
    keys = [
        set(torch.cat(list(loader))["action"].flatten(1).sum(1).tolist())
        for rank in range(2)
        if (loader := served(tmp_path, rank=rank, world_size=2).train_loader())
    ]
    assert not keys[0] & keys[1]


def test_lifetimes_that_are_missing_or_do_not_fit_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no lifetimes at .* predict"):
        served(tmp_path / "nowhere").train_loader()
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    store.write(0, made())
    with pytest.raises(ValueError, match="their prediction_horizon is 4, here it is 6"):
        served(tmp_path, prediction_horizon=6)
    with pytest.raises(ValueError, match=r"validation is 1\.0"):
        Lifetimes(tmp_path, validation=1.0)


def test_a_store_without_a_part_is_as_if_there_were_none(tmp_path):
    """As a writer leaves it that is killed early: it must be able to go on."""
    LifetimeStore.open_or_create(tmp_path, METADATA)
    source = served(tmp_path)
    assert source.shape is None
    assert source.validation_loader() is None
    with pytest.raises(ValueError, match=r"there are no lifetimes at .* yet"):
        source.train_loader()


def test_lifetimes_of_another_family_or_rhythm_are_refused(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    served(tmp_path).check("other", 7)  # nothing there yet, nothing to refuse
    store.write(0, made())
    source = served(tmp_path)
    assert source.shape == (3, 4)
    source.check("toy", 2)
    with pytest.raises(ValueError, match="their task is toy, here it is other"):
        source.check("other", 2)
    with pytest.raises(ValueError, match="their action_horizon is 2, here it is 4"):
        source.check("toy", 4)


@pytest.mark.parametrize("damage", ["short", "gone", "meta"])
def test_a_part_that_was_damaged_is_not_read_as_zeros(tmp_path, damage):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    store.write(0, made())
    file = tmp_path / "part-00000" / ("meta.json" if damage == "meta" else "action.memmap")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"part-00000' are broken .* remove that folder"):
        store.load()


def test_lifetimes_that_are_not_all_made_yet_are_not_learnt_from(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    store.wanted = 16
    store.write(0, made())
    with pytest.raises(
        ValueError, match=r"8 of 16 lifetimes at .* are made: 'python train.py pred"
    ):
        served(tmp_path).train_loader()
    store.write(1, made(seed=1))
    assert len(list(served(tmp_path).train_loader())) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", r"metadata.json' cannot be read \(Expecting"),
        ("[1]", "metadata.json' does not say what the lifetimes are"),
        (
            json.dumps({"schema_version": SCHEMA_VERSION, "task": "toy"}),
            "metadata.json' lacks spec, obs",
        ),
    ],
)
def test_metadata_that_say_nothing_are_refused(tmp_path, text, sentence):
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        LifetimeStore.open(tmp_path)


def test_folders_of_others_are_no_parts(tmp_path):
    store = LifetimeStore.open_or_create(tmp_path, METADATA)
    (tmp_path / "part-old").mkdir()
    assert store.parts() == []
