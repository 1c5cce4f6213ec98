"""What the loop does to a virtual arm, in lockstep, while things go wrong."""

import itertools

import pytest
import torch

from robot.arm_description import load_arm
from robot.arm_errors import ArmError, BusError, RefusedCommandError, ServoError
from robot.arm_session import arm_session, go, lie_down, recover
from robot.servo_loop import ServoLoop
from robot.virtual.arm import VirtualArm
from robot.virtual.faults import ServoFault, WireFault
from robot.virtual.served import served

ARM = load_arm("viperx300s")
HOME = torch.tensor(ARM.home_command)


@pytest.fixture
def virtual():
    with served(VirtualArm()) as found:
        found.world.ask("pose", ARM.home, 0.08)
        yield found


@pytest.fixture
def loop(virtual):
    arm = virtual.driver()
    arm.connect()
    loop = ServoLoop(arm, clock=virtual.clock)
    loop.begin()
    loop.start()
    yield loop
    loop.end()
    arm.close()


def wave(loop, clock, steps, waist=0.2):
    """Follows commands ten times a second; what was sent."""
    sent = []
    for i in range(steps):
        target = loop.sent.clone()
        target[0] = waist * torch.sin(torch.tensor(0.3 * i))
        sent.append(loop.follow(target, 0.1))
        loop.until(clock.now() + 0.1)
    return torch.stack(sent)


def joints(virtual):
    return virtual.world.ask("world").joint_position[0]


def test_a_command_is_reached_in_its_time_and_in_equal_steps(virtual, loop):
    target = loop.sent.clone()
    target[0] = 0.2
    goals = []
    command = loop.arm.command
    loop.arm.command = lambda way: (goals.append(float(way[0])), command(way))[1]
    loop.follow(target, 0.1)
    loop.until(virtual.clock.now() + 0.5)
    steps = torch.tensor(goals).diff()
    assert goals[-1] == pytest.approx(0.2)
    assert steps[steps > 1e-6].max() == pytest.approx(0.04, abs=1e-3)
    assert joints(virtual)[0] == pytest.approx(0.2, abs=0.03)


def test_it_measures_fifty_times_a_second_of_the_clock(virtual, loop):
    wave(loop, virtual.clock, 20)
    metrics = loop.statistics.metrics()
    assert metrics["loop/period/p50"] == pytest.approx(0.02, abs=1e-6)
    assert metrics["loop/late"] == 0
    assert metrics["loop/missed"] == 0


def test_without_new_commands_it_holds(virtual, loop):
    wave(loop, virtual.clock, 5)
    loop.until(virtual.clock.now() + 1.0)
    assert loop.stale
    before = joints(virtual)
    loop.until(virtual.clock.now() + 1.0)
    torch.testing.assert_close(joints(virtual), before, atol=2e-3, rtol=0)
    wave(loop, virtual.clock, 1)
    assert not loop.stale


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 2.5])
def test_a_bad_command_is_refused_and_the_arm_stays(virtual, loop, bad):
    wave(loop, virtual.clock, 3)
    loop.until(virtual.clock.now() + 0.5)
    before, target = joints(virtual), loop.sent.clone()
    target[1] = bad
    with pytest.raises(RefusedCommandError, match="refused, the arm keeps its last target"):
        loop.follow(target, 0.1)
    loop.until(virtual.clock.now() + 0.5)
    torch.testing.assert_close(joints(virtual), before, atol=3e-3, rtol=0)


@pytest.mark.parametrize("kind", ["overloaded", "overheated", "dead"])
def test_when_a_servo_fails_the_others_hold_and_it_is_said_at_once(virtual, loop, kind):
    wave(loop, virtual.clock, 3)
    held, begun = joints(virtual), virtual.clock.now()
    virtual.world.ask("suffer", ServoFault(7, kind))
    with pytest.raises(ArmError, match=r"servo 7"):
        wave(loop, virtual.clock, 10)
    assert virtual.clock.now() - begun <= 0.3
    assert isinstance(loop.fault, BusError if kind == "dead" else ServoError)
    virtual.clock.sleep(1.0)
    now = joints(virtual)
    for joint in (0, 1, 2, 3, 5):
        assert now[joint] == pytest.approx(float(held[joint]), abs=0.08)
    with pytest.raises(ArmError, match="servo 7"):
        loop.follow(loop.sent, 0.1)


def test_a_servo_that_browned_out_is_noticed_though_it_answers(virtual, loop):
    wave(loop, virtual.clock, 10)
    virtual.world.ask("suffer", ServoFault(4, "brown_out"))
    begun = virtual.clock.now()
    with pytest.raises(ServoError, match=r"servo 4 \(elbow\) has restarted and lost its torque"):
        wave(loop, virtual.clock, 10)
    assert virtual.clock.now() - begun <= 0.1
    loop.resume(limping=True)
    assert loop.arm.bus.read(4, "Torque Enable") == 1  # to get into its rest


def test_a_few_bad_answers_are_no_fault_and_nothing_moves_on_them(virtual, loop):
    wave(loop, virtual.clock, 3)
    virtual.world.ask("suffer", WireFault(corrupted=0.003))
    wave(loop, virtual.clock, 20)
    assert loop.fault is None
    assert loop.statistics.missed > 0
    torch.testing.assert_close(loop.state.position[:-1], joints(virtual), atol=0.05, rtol=0)


def test_a_silent_bus_is_a_fault_within_a_tenth_of_a_second(virtual, loop):
    wave(loop, virtual.clock, 3)
    virtual.world.ask("suffer", WireFault(dropped=1.0))
    begun = virtual.clock.now()
    with pytest.raises(BusError, match="does not answer"):
        loop.until(begun + 1.0)
    assert loop.statistics.missed <= 7  # cycles of 20 ms, until it was said


def test_a_machine_that_was_too_busy_is_said_and_the_arm_can_go_on(virtual, loop):
    wave(loop, virtual.clock, 3)
    held = joints(virtual)
    loop.end()  # nobody speaks to the servos
    virtual.clock.sleep(0.5)
    loop.start()
    with pytest.raises(ServoError, match=r"has stopped: it heard nothing for 0\.1 s"):
        loop.until(virtual.clock.now() + 2.0)
    torch.testing.assert_close(joints(virtual), held, atol=0.05, rtol=0)
    loop.resume()
    target = loop.sent.clone()
    target[0] += 0.2
    loop.follow(target, 0.2)
    loop.until(virtual.clock.now() + 1.0)
    assert joints(virtual)[0] == pytest.approx(float(target[0]), abs=0.03)


def test_a_warm_servo_ends_the_work_before_it_lets_go(virtual, loop):
    wave(loop, virtual.clock, 3)
    virtual.world.ask("suffer", ServoFault(6, "warm"))
    with pytest.raises(ServoError, match=r"servo 6 \(forearm_roll\) is at 70 degrees: let the arm"):
        loop.until(virtual.clock.now() + 2.0)


def test_a_loop_that_breaks_says_so_instead_of_going_quiet(virtual, loop):
    wave(loop, virtual.clock, 3)
    held = joints(virtual)

    def broken():
        raise IndexError("of a list")

    loop.arm.read = broken
    with pytest.raises(ArmError, match="the servo loop broke, which is a bug: IndexError"):
        wave(loop, virtual.clock, 3)
    torch.testing.assert_close(joints(virtual), held, atol=0.05, rtol=0)


def test_something_in_the_way_is_noticed_by_what_a_servo_draws(virtual, loop):
    wave(loop, virtual.clock, 3)
    read = loop.arm.read

    def strained():
        state = read()
        state.current[1] = 4.0
        return state

    loop.arm.read = strained
    with pytest.raises(ServoError, match=r"shoulder draws 4\.0 A for more than 1\.0 s, 3\.5 A is"):
        loop.until(virtual.clock.now() + 2.0)


class Stopped(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("end", [None, Stopped, KeyboardInterrupt, SystemExit])
def test_a_session_ends_in_the_rest_without_torque(virtual, end):
    arm = virtual.driver()

    def work():
        with arm_session(arm, clock=virtual.clock) as loop:
            wave(loop, virtual.clock, 5)
            if end is not None:
                raise end

    if end is None:
        work()
    else:
        with pytest.raises(end):
            work()
    torch.testing.assert_close(joints(virtual), torch.tensor(ARM.sleep), atol=0.12, rtol=0)
    arm.bus.open()
    assert [arm.bus.read(i, "Torque Enable") for i in range(1, 10)] == [0] * 9
    arm.close()


def test_with_a_dead_servo_the_others_still_go_to_the_rest(virtual):
    arm = virtual.driver()

    def work():
        with arm_session(arm, clock=virtual.clock) as loop:
            wave(loop, virtual.clock, 3)
            virtual.world.ask("suffer", ServoFault(8, "dead"))
            wave(loop, virtual.clock, 10)

    with pytest.raises(ArmError, match=r"servo 8.*support it"):
        work()
    there = torch.tensor(ARM.sleep)
    torch.testing.assert_close(joints(virtual)[:5], there[:5], atol=0.12, rtol=0)


def test_the_way_to_a_pose_is_slow(virtual, loop):
    before = virtual.clock.now()
    go([loop], [[1.0, *ARM.home[1:], 0.05]], virtual.clock)
    assert virtual.clock.now() - before > 1.0 / (0.25 * 3.14)
    assert joints(virtual)[0] == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(
    ("servo", "kind", "why"),
    [
        (7, "overloaded", "servo 7 .* reports overload"),
        (2, "overloaded", "servo 2 .* reports overload"),
        (4, "brown_out", "servo 4 .* has restarted"),
        (9, "reset", "servo 9 .* has restarted"),
    ],
)
def test_an_arm_comes_back_from_a_fault_over_its_rest(virtual, loop, servo, kind, why):
    wave(loop, virtual.clock, 10)
    virtual.world.ask("suffer", ServoFault(servo, kind))
    with pytest.raises(ArmError, match=why):
        wave(loop, virtual.clock, 20)
    fault = loop.fault
    assert recover(loop, virtual.clock) is fault
    torch.testing.assert_close(joints(virtual), HOME[:-1], atol=0.08, rtol=0)
    wave(loop, virtual.clock, 5)
    assert not loop.limping
    assert joints(virtual)[0].abs() > 0.05


def test_an_arm_without_a_servo_lies_down_smoothly(virtual, loop, monkeypatch):
    """Each question to a dead servo takes several periods: it is asked now and then."""
    wave(loop, virtual.clock, 3)
    virtual.world.ask("suffer", ServoFault(7, "dead"))
    with pytest.raises(ArmError, match="servo 7"):
        wave(loop, virtual.clock, 10)
    loop.resume(limping=True)
    asked, sent = [], []
    measure, command = loop.arm.read, loop.arm.command
    monkeypatch.setattr(loop.arm, "read", lambda: asked.append(virtual.clock.now()) or measure())
    monkeypatch.setattr(loop.arm, "command", lambda to: sent.append(to) or command(to))
    lie_down(loop, virtual.clock)
    assert len(sent) > 50
    assert len(asked) > 1
    assert min(b - a for a, b in itertools.pairwise(asked)) >= 0.5


def test_an_arm_does_not_come_back_hot_nor_without_a_servo(virtual, loop):
    wave(loop, virtual.clock, 3)
    virtual.world.ask("suffer", ServoFault(6, "overheated"))
    with pytest.raises(ServoError, match="overheating"):
        wave(loop, virtual.clock, 10)
    with pytest.raises(
        ServoError, match=r"servo 6 \(forearm_roll\) is at 125 degrees: let the arm"
    ):
        recover(loop, virtual.clock)
    with pytest.raises(ServoError, match="let the arm cool down"):  # still
        loop.follow(loop.sent, 0.1)
    virtual.world.ask("suffer", ServoFault(6, "restored"))
    recover(loop, virtual.clock)
    virtual.world.ask("suffer", ServoFault(6, "dead"))
    with pytest.raises(BusError, match="servo 6"):
        wave(loop, virtual.clock, 10)
    with pytest.raises(BusError, match=r"servo 6 \(forearm_roll\) does not answer"):
        recover(loop, virtual.clock)
