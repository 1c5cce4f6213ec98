"""Enter says that it worked, of the episode in which it is pressed and no other."""

import os

import pytest
import torch

from robot.verbs.asking import AskedTabletop


class Table:
    def __init__(self):
        self.done = []

    def __getattr__(self, name):
        return lambda *given: self.done.append(name)


@pytest.fixture
def enter(monkeypatch):
    """Presses it."""
    read, write = os.pipe()
    with os.fdopen(read) as stdin, os.fdopen(write, "w") as keys:
        monkeypatch.setattr("sys.stdin", stdin)

        def press():
            keys.write("\n")
            keys.flush()

        yield press


def test_who_presses_enter_says_so_until_the_next_episode(enter):
    inner = Table()
    table = AskedTabletop(inner)
    enter()  # too early
    table.reset(torch.zeros(3))
    assert not table.success(None)
    enter()
    assert table.success(None)
    assert table.success(None)
    table.expect(torch.zeros(3))
    assert not table.success(None)
    table.observe(None)
    table.objects()
    assert inner.done == ["reset", "expect", "observe", "objects"]


def test_without_a_keyboard_nothing_succeeds(monkeypatch):
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert not AskedTabletop(Table()).success(None)
