import pytest

from robot.arm_description import load_arm


def test_an_unknown_arm_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown arm 'wx999'; there are viperx300s"):
        load_arm("wx999")


def test_home_and_sleep_lie_within_the_joint_limits():
    arm = load_arm("viperx300s")
    for pose in (arm.home, arm.sleep):
        for value, joint in zip(pose, arm.joints, strict=True):
            assert joint.range[0] <= value <= joint.range[1], joint.name
