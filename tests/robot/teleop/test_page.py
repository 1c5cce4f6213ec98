"""The page on a phone drives a virtual arm at real time: nothing in between is made up."""

import asyncio
import math
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest
from browser import CHROMIUM, phone

from robot.episodes import EpisodeStore
from robot.teleop.client import connected
from robot.teleop.operator import grasp_yaw

pytestmark = [
    pytest.mark.slow,
    pytest.mark.realtime,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]
PIXEL = 0.001 * 0.5  # m that the gripper goes for a pixel
STEP = 8.0  # pixels between two events, at the most


@contextmanager
def recording(path, *words):
    """``python -m robot record`` with a virtual arm; the address of its page."""
    command = [sys.executable, "-m", "robot", "record", "--virtual", "--page", "0", "--path", path]
    process = subprocess.Popen(
        [*map(str, command), "--host", "127.0.0.1", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        said = ""
        while not (found := re.search(r"https?://\S+/", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        yield found[0], process
    finally:
        print("ended with", process.poll())
        process.kill()
        print(process.communicate()[0])  # seen if the test fails


class ArmFaultError(Exception):
    """The arm had a fault, as on a busy machine; it is put in place anew, and one begins again."""


class Finger:
    """One or two fingers on the pad that lead the gripper to where it should be."""

    def __init__(self, page, eye, pad):
        self.page, self.eye, self.pad = page, eye, pad

    @property
    def gripper(self):
        return self.eye.state["session"]["gripper"]

    async def lead(self, axes, target, fingers, tolerance=0.004, seconds=25):
        """Moves fingers until the gripper is there, along ``axes``."""
        at = list(self.pad)
        await self.press(at, fingers)
        for _ in range(round(seconds / 0.05)):
            if self.eye.state["session"]["phase"] == "putting":
                raise ArmFaultError(self.eye.state["session"]["trouble"])
            if self.eye.state["driving"]["why"]:  # on a busy machine a phone may be silent
                await self.page.touch("touchEnd")
                await asyncio.sleep(0.2)
                await self.press(at, fingers)
            off = [target[axis] - self.gripper[axis] for axis in axes]
            over = self.eye.state["session"]["phase"] == "deciding"
            if over or max(map(abs, off)) < tolerance:
                break
            # Ahead is up, to the left is left; two fingers up is up.
            way = {0: (0, -1), 1: (-1, 0), 2: (0, -1)}
            for axis, missing in zip(axes, off, strict=True):
                for i in range(2):
                    pixels = 0.25 * missing / PIXEL
                    at[i] += way[axis][i] * max(-STEP, min(STEP, pixels))
            await self.page.touch("touchMove", *self.tips(at, fingers))
            await asyncio.sleep(0.05)
        else:
            hand = await self.page.evaluate("JSON.stringify([drives, posting, hand])")
            raise AssertionError(f"off by {off}: {self.eye.state['driving']}, {hand}")

    async def press(self, at, fingers):
        """Puts one finger after the other on the pad."""
        for n in range(1, fingers + 1):
            await self.page.touch("touchStart" if n == 1 else "touchMove", *self.tips(at, n))

    def tips(self, at, fingers):
        return [(at[0] + 60 * i, at[1]) for i in range(fingers)]


async def drive(page, eye, pictures):
    """Above the banana, turned as it is, down, close, up."""
    await page.until("document.getElementById('phase').textContent.startsWith('ready')", 40)
    await eye.until("ready")
    finger = Finger(page, eye, await page.middle("#pad"))
    (x, y, z), turned = (eye.state["session"][k][0] for k in ("position", "rotation"))
    yaw = grasp_yaw(math.atan2(turned[1], turned[0]), (x, y, z))
    await page.turn(0.0)
    await finger.lead((0, 1), (x, y), fingers=1)
    for share in range(1, 21):  # the phone turns as the banana lies
        await page.turn(math.degrees(yaw) * share / 20)
        await asyncio.sleep(0.03)
    await asyncio.sleep(0.6)
    await page.picture(pictures / "driving.png")
    await finger.lead((0, 1), (x, y), fingers=1)  # held on: the turn is kept
    await page.touch("touchEnd")
    await finger.lead((2,), (0, 0, max(z, 0.018)), fingers=2, tolerance=0.003)
    await page.evaluate("setOpening(0)")
    await asyncio.sleep(0.8)
    assert await page.evaluate("hand.held")
    await page.touch("touchEnd")
    await finger.lead((2,), (0, 0, 0.22), fingers=2, seconds=15)


async def pick(address, pictures):
    """Drives until the page asks whether to keep the episode."""
    async with phone(address) as page, connected(address) as eye:
        await page.picture(pictures / "welcome.png")
        await page.until("document.getElementById('connection').className.includes('on')")
        await page.until("document.getElementById('camera').naturalWidth > 0", 40)
        await page.tap("#begin")
        for _ in range(4):
            with suppress(ArmFaultError):
                await drive(page, eye, pictures)
            await page.touch("touchEnd")
            await asyncio.sleep(1)
            if eye.state["session"]["phase"] == "deciding":
                break
            await page.evaluate("setOpening(1)")  # it slipped: thrown away and done again
            if eye.state["session"]["phase"] == "driving":
                await page.tap("[data-say=discard]")
                await eye.until("ready")
        await page.until("document.getElementById('phase').textContent === 'keep it?'")
        await page.touch("touchEnd")
        await page.picture(pictures / "deciding.png")
        advice = await page.evaluate("document.getElementById('advice').textContent")
        await page.tap("[data-say=keep]")
        await page.until("document.getElementById('phase').textContent.startsWith('done')")
        return advice


def test_a_phone_picks_the_banana(tmp_path):
    path = tmp_path / "banana"
    with recording(path, "--episodes", "1", "--phi-set", "near", "--seed", "3") as (address, _):
        advice = asyncio.run(pick(address, tmp_path))
    assert advice.startswith("it worked")
    store = EpisodeStore.open(path)
    assert [store.info(i).success for i in store.ids] == [True]
    assert store.info(store.ids[0]).human_s > 1


async def moves(eye):
    """Whether the gripper does, for a while."""
    before = eye.state["session"]["gripper"]
    await asyncio.sleep(0.5)
    return math.dist(before, eye.state["session"]["gripper"]) > 0.001


async def hold_and_move(page, eye, pad):
    """Presses, moves on, and sees that the arm follows."""
    for _ in range(5):  # on a busy machine a phone may be silent
        await page.touch("touchStart", pad)
        for step in range(30):
            await page.touch("touchMove", (pad[0] + step, pad[1]))
            await asyncio.sleep(0.03)
            if step > 20 and eye.state["driving"]["held"]:
                return
        await page.touch("touchEnd")
        await asyncio.sleep(0.3)
    raise AssertionError(eye.state["driving"])


async def hide_and_sleep(address):
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    async with phone(address) as page, connected(address) as eye:
        await page.until("document.getElementById('connection').className.includes('on')")
        await page.tap("#begin")
        await page.until("document.getElementById('phase').textContent.startsWith('ready')", 60)
        pad = await page.middle("#pad")
        await hold_and_move(page, eye, pad)
        await page.evaluate(hide % "true")
        await asyncio.sleep(0.5)
        assert not eye.state["driving"]["held"]
        assert not await moves(eye)
        await page.evaluate(hide % "false")
        await page.touch("touchMove", (pad[0] + 60, pad[1]))  # the finger is still there
        assert not await moves(eye)
        await page.touch("touchEnd")
        await hold_and_move(page, eye, pad)
        await page.ask("Page.setWebLifecycleState", state="frozen")
        await asyncio.sleep(1.0)
        assert not eye.state["driving"]["held"]
        assert not await moves(eye)


def test_a_page_that_is_hidden_or_asleep_stops_the_arm(tmp_path):
    with recording(tmp_path / "banana", "--episodes", "1") as (address, _):
        asyncio.run(hide_and_sleep(address))
