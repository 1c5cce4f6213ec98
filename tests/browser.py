"""A headless Chromium as a phone: touches, turns, looks at pages; by the DevTools protocol."""

import asyncio
import base64
import json
import shutil
import tempfile
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


class Phone:
    """A page that is open on it."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = count(1)
        self._answers = {}
        self._touched = False

    async def listen(self):
        async for message in self._socket:
            answer = json.loads(message.data)
            if "id" in answer:
                self._answers.pop(answer["id"]).set_result(answer)

    async def ask(self, method, **parameters):
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(
            json.dumps({"id": number, "method": method, "params": parameters})
        )
        answer = await asyncio.wait_for(self._answers[number], 20)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    async def evaluate(self, expression):
        found = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, expression, seconds=20):
        for _ in range(round(seconds / 0.05)):
            if value := await self.evaluate(expression):
                return value
            await asyncio.sleep(0.05)
        shown = await self.evaluate("document.body.innerText")
        raise AssertionError(f"not within {seconds} s: {expression}; the page shows {shown!r}")

    async def middle(self, selector):
        """Of an element, pixels."""
        where = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y, width, height = await self.evaluate(
            f"(() => {{ const r = {where}; return [r.x, r.y, r.width, r.height] }})()"
        )
        assert width * height > 0, f"{selector} is not to be seen"
        return x + width / 2, y + height / 2

    async def touch(self, kind, *points):
        """``touchStart``, ``touchMove`` or ``touchEnd`` of fingers at points."""
        if kind == "touchEnd" and not self._touched:
            return
        self._touched = kind != "touchEnd"
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        await self.ask("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)

    async def tap(self, selector):
        await self.touch("touchStart", await self.middle(selector))
        await self.touch("touchEnd")

    async def turn(self, alpha, beta=0.0, gamma=0.0):
        """Degrees, as DeviceOrientation has them."""
        await self.ask(
            "DeviceOrientation.setDeviceOrientationOverride", alpha=alpha, beta=beta, gamma=gamma
        )

    async def picture(self, path):
        found = await self.ask("Page.captureScreenshot", format="png")
        Path(path).write_bytes(base64.b64decode(found["data"]))


@asynccontextmanager
async def phone(address):
    """One that has a page open."""
    with tempfile.TemporaryDirectory() as profile:
        process = await asyncio.create_subprocess_exec(
            "nice",  # a phone is a machine of its own
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--ignore-certificate-errors",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            while "DevTools listening" not in (line := (await process.stderr.readline()).decode()):
                assert line, "Chromium did not start"
            port = line.split("//")[1].split("/")[0]
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://{port}/json/list") as answer:
                    pages = await answer.json()
                place = next(p for p in pages if p["type"] == "page")["webSocketDebuggerUrl"]
                async with session.ws_connect(place, max_msg_size=0) as socket:
                    made = Phone(socket)
                    listening = asyncio.create_task(made.listen())
                    await made.ask("Emulation.setDeviceMetricsOverride", **PHONE)
                    await made.ask("Emulation.setTouchEmulationEnabled", enabled=True)
                    await made.ask("Page.enable")
                    await made.turn(0.0)
                    await made.ask("Page.navigate", url=address)
                    await made.until("document.readyState === 'complete'")
                    yield made
                    listening.cancel()
        finally:
            process.terminate()
            await process.wait()
