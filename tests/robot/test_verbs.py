"""``python -m robot`` against a virtual arm: what a person types, reads, and gets back."""

import pytest
from filmed import Counting

from robot.__main__ import main
from robot.arm_description import load_arm
from robot.tables import table_of
from robot.verbs.tasks import task_named
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault
from robot.virtual.served import served


@pytest.fixture
def virtual():
    with served(VirtualArm()) as found:
        yield found


def ended(words, capsys):
    """The exit status, and what was said."""
    status = 0
    try:
        main(words)
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    return status, said.out + said.err


def test_a_good_arm_is_said_to_be_one(virtual, capsys):
    status, said = ended(["check", "--port", virtual.port], capsys)
    assert status == 1  # as shipped: nothing is set yet
    assert "servo 1: Return Delay Time is 250, it should be 0: connecting sets it" in said
    arm = virtual.driver()
    arm.connect()
    arm.close()
    status, said = ended(["check", "--port", virtual.port], capsys)
    assert (status, "All is well." in said) == (0, True)


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        (ServoFault(5, "dead"), "servo 5 (elbow) does not answer"),
        (ServoFault(2, "overheated"), "servo 2 reports overheating: switch the arm off and on"),
        (ServoFault(2, "overheated"), "servo 2 is at 125 degrees: let it cool down"),
        (
            ServoFault(9, "reset"),
            "servo 9: Operating Mode is 3, it should be 5: connecting sets it",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(virtual, capsys, fault, advice):
    arm = virtual.driver()
    arm.connect()
    arm.close()
    virtual.world.ask("suffer", fault)
    virtual.world.ask("advance", 0.01)
    status, said = ended(["check", "--port", virtual.port], capsys)
    assert status == 1
    assert advice in said


def test_a_port_that_is_none_and_a_task_that_is_none_are_one_sentence_each(capsys):
    status, said = ended(["check", "--port", "/dev/ttyNONE"], capsys)
    assert (status, said.count("\n")) == (2, 1)
    assert "error: port /dev/ttyNONE cannot be opened" in said
    status, said = ended(["virtual", "--task", "juggle"], capsys)
    assert status == 2
    assert "error: unknown task 'juggle'; there are bumped_camera, four_axes, pick_banana" in said


def test_a_real_arm_needs_a_camera_that_was_calibrated(capsys):
    words = ["rollout", "--port", "/dev/ttyNONE", "--policy"]
    status, said = ended([*words, "docs/results/curriculum/checkpoints/curriculum-0.ckpt"], capsys)
    assert status == 2
    assert "error: no virtual arm is on /dev/ttyNONE, and a real one does not know where" in said
    words += ["docs/results/curriculum/checkpoints/curriculum-0.ckpt", "--camera", "/dev/none"]
    status, said = ended(words, capsys)
    assert status == 2
    assert "error: camera /dev/none cannot be opened" in said
    task, arm = task_named("pick_banana", "point"), load_arm("viperx300s")
    with pytest.raises(
        FileNotFoundError, match=r"no camera was calibrated: there is no none\.yaml"
    ):
        table_of(task, arm, None, Counting(), "none.yaml")
