"""What ZIG SIM sends becomes a hand; what is none, or another's, becomes nothing."""

import asyncio
import math
import random
import socket

import numpy as np
import pytest
from pages import told
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from robot.__main__ import main
from robot.teleop.client import connected
from robot.teleop.zigsim import ZigSim, ZigSimHand

STILL = (0.0, 0.0, 0.0, 1.0)


def packet(place=(0.0, 0.0, 0.0), turn=STILL, fingers=0, device="mine"):
    """As the app sends it: one bundle a frame."""
    bundle = OscBundleBuilder(IMMEDIATELY)
    said = {"arkitposition": place, "arkitrotation": turn}
    for finger in range(fingers):
        said |= {f"touch{finger}1": (0.1,), f"touch{finger}2": (-0.2,)}
    for name, values in said.items():
        message = OscMessageBuilder(f"/{device}/{name}")
        for value in values:
            message.add_arg(value, "f")
        bundle.add_content(message.build())
    return bundle.build().dgram


def about_y(degrees):
    half = math.radians(degrees) / 2
    return (0.0, math.sin(half), 0.0, math.cos(half))


@pytest.mark.parametrize(
    ("moved", "expected"),
    [((0, 0, -0.1), (0.1, 0, 0)), ((0.1, 0, 0), (0, -0.1, 0)), ((0, 0.1, 0), (0, 0, 0.1))],
)
def test_a_phone_that_looks_ahead_leads_as_it_goes(moved, expected):
    hand = ZigSimHand("mine")
    assert hand.hear(packet((1.0, 1.0, 1.0)))
    assert not hand.held
    hand.hear(packet((1.0, 1.0, 1.0), fingers=1))
    assert hand.held
    hand.hear(packet(tuple(1.0 + m for m in moved), fingers=1))
    np.testing.assert_allclose(hand.position, expected, atol=1e-6)
    before = hand.position
    hand.hear(packet((2.0, 2.0, 2.0)))  # let go: nothing moves
    hand.hear(packet((3.0, 2.0, 2.0), fingers=1))
    np.testing.assert_allclose(hand.position, before)


def test_ahead_is_where_the_phone_looked_when_it_was_pressed():
    hand = ZigSimHand("mine")
    left = about_y(90)  # its camera looks along -x
    hand.hear(packet(turn=left, fingers=1))
    hand.hear(packet((-0.1, 0, 0), left, fingers=1))
    np.testing.assert_allclose(hand.position, [0.1, 0, 0], atol=1e-6)
    hand.hear(packet((-0.1, 0, 0), about_y(120), fingers=1))
    half = math.radians(30) / 2
    np.testing.assert_allclose(hand.rotation, [math.cos(half), 0, 0, math.sin(half)], atol=1e-6)


def test_a_second_finger_closes_and_opens():
    hand, openings = ZigSimHand("mine"), []
    for fingers in (0, 1, 2, 2, 1, 2, 1, 0, 0):
        hand.hear(packet(fingers=fingers))
        openings.append(hand.opening)
    assert openings == [1, 1, 0, 0, 0, 1, 1, 1, 1]


def test_others_and_nonsense_are_not_heard():
    hand, chance = ZigSimHand("mine"), random.Random(0)
    assert not hand.hear(packet((0.0, 0.0, 0.0), fingers=1, device="yours"))
    assert not hand.hear(packet((math.nan, 0.0, 0.0), fingers=1))
    assert not hand.hear(packet(turn=(0.0, 0.0, 0.0, 0.0), fingers=1))
    true = packet(fingers=1)
    for _ in range(2000):
        mutated = bytearray(true)
        for _ in range(chance.randrange(1, 8)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        hand.hear(bytes(mutated[: chance.randrange(len(mutated) + 1)]))
        hand.hear(chance.randbytes(chance.randrange(100)))
        assert np.isfinite(hand.position).all()
        assert np.linalg.norm(hand.rotation) == pytest.approx(1)


def test_a_page_that_is_not_there_is_said(capsys):
    with pytest.raises(SystemExit):
        main(["zigsim", "http://127.0.0.1:9/token/", "--device", "mine"])
    assert "error: nobody serves http://127.0.0.1:9/token/" in capsys.readouterr().err


def test_what_the_app_sends_arrives_at_the_server(served):
    session, address, _ = served

    async def act():
        loop = asyncio.get_running_loop()
        async with connected(address) as client:
            await client.say(drive=True)
            await told(client, "drives", True)
            hand = ZigSimHand("mine")
            listening, _ = await loop.create_datagram_endpoint(
                lambda: ZigSim(hand, client), local_addr=("127.0.0.1", 0)
            )
            port = listening.get_extra_info("sockname")[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                phone.sendto(packet(), ("127.0.0.1", port))
                phone.sendto(packet(fingers=1), ("127.0.0.1", port))
                phone.sendto(packet((0.0, 0.05, 0.0), fingers=1), ("127.0.0.1", port))
                while len(session.driving.messages) < 3:
                    await asyncio.sleep(0.01)
            listening.close()

    asyncio.run(asyncio.wait_for(act(), 10))
    assert [message.held for message in session.driving.messages] == [False, True, True]
    np.testing.assert_allclose(session.driving.messages[-1].position, [0, 0, 0.05], atol=1e-6)
