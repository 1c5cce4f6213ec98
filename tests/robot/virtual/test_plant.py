"""What servos do to the arm, and what they feel of it."""

import numpy as np
import pytest

from robot.arm_description import load_arm
from robot.dynamixel.wiring import load_wiring
from robot.simulation.scene import Scene, compile_scene
from robot.virtual.plant import ArmPlant
from robot.virtual.servo import VirtualServo

ARM, WIRING = load_arm("viperx300s"), load_wiring("viperx300s")


@pytest.fixture
def plant():
    servos = {s.id: VirtualServo(s.model, s.id) for s in WIRING.servos}
    for wired in WIRING.servos:
        servos[wired.id].set("Drive Mode", int(wired.reversed))
        servos[wired.id].set("Operating Mode", 3 if wired.mode == "position" else 5)
        if wired.current:
            servos[wired.id].set("Goal Current", round(wired.current / 2.69e-3))
    plant = ArmPlant(ARM, WIRING, servos, compile_scene(Scene(())))
    plant.place(ARM.home, 0.05)
    return plant, servos


def present(servo):
    register = servo.table["Present Position"]
    return register.decode(servo.read(register.address, register.size)[1])


def switch_on(servos, *ids):
    for i in ids or servos:
        servo = servos[i]
        servo.advance(0.0)
        goal = servo.table["Goal Position"]
        servo.write(goal.address, goal.encode(present(servo)))
        servo.write(64, b"\x01")


def run(plant, servos, seconds):
    for _ in range(round(seconds / plant.timestep)):
        plant.step()
        for servo in servos.values():
            servo.advance(plant.timestep)


def test_servos_report_the_pose_whichever_way_they_face(plant):
    _, servos = plant
    for servo in servos.values():
        servo.advance(0.0)
    reported = [(present(servos[s.id]) - 2048) * 2 * np.pi / 4096 for s in WIRING.leaders]
    assert reported[:6] == pytest.approx(ARM.home, abs=0.001)
    assert WIRING.linkage.opening(reported[6]) == pytest.approx(0.05, abs=0.001)
    assert present(servos[3]) == pytest.approx(present(servos[2]), abs=1)


def test_with_torque_it_stays_and_goes_where_it_is_told(plant):
    arm, servos = plant
    switch_on(servos)
    run(arm, servos, 1.0)
    assert arm.data.qpos[:6] == pytest.approx(ARM.home, abs=0.01)
    target = 2048 + 400
    for i in (1, 9):
        goal = servos[i].table["Goal Position"]
        assert servos[i].write(goal.address, goal.encode(target)) == 0
    run(arm, servos, 1.0)
    angle = 400 * 2 * np.pi / 4096
    assert arm.data.qpos[0] == pytest.approx(angle, abs=0.02)
    assert 2 * arm.data.qpos[6] == pytest.approx(WIRING.linkage.opening(angle), abs=0.002)


def test_without_torque_it_sags(plant):
    arm, servos = plant
    run(arm, servos, 1.0)
    assert abs(arm.data.qpos[1] - ARM.home[1]) > 0.2


def test_one_of_two_servos_of_a_joint_holds_it_and_carries_all_of_the_load(plant):
    arm, servos = plant
    switch_on(servos)
    run(arm, servos, 1.0)
    shared = abs(servos[2].shaft.torque)
    servos[3].powered = False
    run(arm, servos, 1.0)
    assert arm.data.qpos[1] == pytest.approx(ARM.home[1], abs=0.02)
    assert abs(servos[2].shaft.torque) == pytest.approx(2 * shared, rel=0.1)
    assert servos[3].shaft.torque == 0.0
