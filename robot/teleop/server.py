"""The page on the phone, and what it says and is told.

One client drives, all others look on. All addresses begin with a token that is drawn anew for every
run; without it nothing is there. A client sends hand messages (``robot.teleop.hand_message``) and
words (``{"say": "keep", "notes": ""}``), and is told the state ten times a second, over a WebSocket
or, where a phone does not trust our certificate for one, as answers to what it posts.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from ssl import SSLContext
from typing import Any

from aiohttp import WSMsgType, web

from robot.clock import promptly
from robot.teleop.hand_message import LONGEST, MessageError, read_message
from robot.teleop.pictures import Pictures
from robot.teleop.seat import Seat
from robot.teleop.session import TeleopSession

PAGE = Path(__file__).parent / "page"
TOLD = 0.1  # s between two states
SILENT = 1.0  # s after which a client that posts has left
SLOW = 2.0  # s that a client may take to be told something


def listen(host: str, port: int) -> socket.socket:
    """A socket that a page can be served on; whoever comes waits until it is.

    Args:
        host: address that is listened on; all this machine has, if ``0.0.0.0``.
        port: any free one, if 0.

    Raises:
        OSError: if that is in use, or not this machine's.
    """
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        raise OSError(f"port {port} of {host} cannot be listened on: {error}") from error


class TeleopServer:
    """Serves a session in a thread of its own.

    Args:
        session: that is driven.
        pictures: of a camera; the page shows none, if None.
        listener: of :func:`listen`; one for this machine alone, if None.
        tls: what HTTPS needs; HTTP, if None.

    Attributes:
        token: without which nothing is there.
        port: that is listened on.
    """

    def __init__(
        self,
        session: TeleopSession,
        pictures: Pictures | None = None,
        listener: socket.socket | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        self.token = secrets.token_urlsafe(16)
        self._listener = listen("127.0.0.1", 0) if listener is None else listener
        self.port: int = self._listener.getsockname()[1]
        self._session, self._pictures, self._tls = session, pictures, tls
        self._seat = Seat()
        self._sockets: set[web.WebSocketResponse] = set()
        self._posted = 0.0  # when the driver posted last, of the server's loop
        self._wrong: dict[str, str] = {}  # what was wrong with what a client sent last
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serves from now on."""
        ready = threading.Event()

        def run() -> None:
            promptly()
            asyncio.run(self._serve(ready))

        self._thread = threading.Thread(target=run, name="teleop server", daemon=True)
        self._thread.start()
        ready.wait()

    def close(self) -> None:
        """Serves no more; the arm holds."""
        if self._loop is not None and self._over is not None and self._thread is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()
        self._session.driving.leave("the server has ended")

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_default_executor(ThreadPoolExecutor(initializer=promptly))
        app = web.Application(client_max_size=LONGEST)
        app.add_routes(
            [
                web.get("/{token}/", self._page),
                web.get("/{token}/socket", self._socket),
                web.post("/{token}/messages", self._messages),
                web.get("/{token}/camera", self._camera),
                web.get("/{token}/{file}", self._file),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.SockSite(runner, self._listener, ssl_context=self._tls).start()
            ready.set()
            watch = asyncio.create_task(self._watch())
            await self._over.wait()
            await asyncio.sleep(3 * TOLD)  # all are told how it ended
            watch.cancel()
        finally:
            for connection in list(self._sockets):
                await connection.close()
            await runner.cleanup()

    def _admit(self, request: web.Request) -> None:
        """Lets nobody in who does not know the token."""
        if not secrets.compare_digest(request.match_info["token"].encode(), self.token.encode()):
            raise web.HTTPNotFound

    # The page

    async def _page(self, request: web.Request) -> web.FileResponse:
        self._admit(request)
        return web.FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-store"})

    async def _file(self, request: web.Request) -> web.FileResponse:
        self._admit(request)
        known = {path.name: path for path in PAGE.iterdir()}
        if request.match_info["file"] not in known:
            raise web.HTTPNotFound
        return web.FileResponse(
            known[request.match_info["file"]], headers={"Cache-Control": "no-store"}
        )

    async def _camera(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        if self._pictures is None:
            raise web.HTTPNotFound
        response = web.StreamResponse(
            headers={"Content-Type": "multipart/x-mixed-replace; boundary=picture"}
        )
        await response.prepare(request)
        async for picture in self._taken(self._pictures):
            head = (
                f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            )
            try:
                await asyncio.wait_for(response.write(head.encode() + picture + b"\r\n"), SLOW)
            except (TimeoutError, ConnectionError):
                break
        return response

    async def _taken(self, pictures: Pictures) -> AsyncGenerator[bytes]:
        with pictures.watched():
            number = 0
            while not pictures.over:
                number, picture = await asyncio.to_thread(pictures.after, number)
                if picture is not None:
                    yield picture

    # What clients say and are told

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        self._admit(request)
        connection = web.WebSocketResponse(max_msg_size=LONGEST, heartbeat=2.0, compress=False)
        await connection.prepare(request)
        client = secrets.token_hex(8)
        self._sockets.add(connection)
        telling = asyncio.create_task(self._tell(connection, client))
        try:
            async for message in connection:
                if message.type == WSMsgType.TEXT:
                    self._hear(client, message.data)
                else:
                    self._wrong[client] = "messages are text"
        finally:
            telling.cancel()
            self._sockets.discard(connection)
            self._gone(client, "the connection was lost: connect and press again")
        return connection

    async def _tell(self, connection: web.WebSocketResponse, client: str) -> None:
        """Tells a client the state, again and again; one that is too slow is left."""
        while not connection.closed:
            try:
                await asyncio.wait_for(connection.send_str(json.dumps(self._state(client))), SLOW)
            except (TimeoutError, ConnectionError):
                await connection.close()
                return
            await asyncio.sleep(TOLD)

    async def _messages(self, request: web.Request) -> web.Response:
        self._admit(request)
        client = "posting-" + request.query.get("client", "")[:64]
        self._hear(client, (await request.read()).decode(errors="replace"))
        if self._seat.of(client):
            self._posted = asyncio.get_running_loop().time()
        return web.json_response(self._state(client))

    async def _watch(self) -> None:
        """Notices when a driver who posts has left."""
        while True:
            await asyncio.sleep(TOLD)
            driver = self._seat.client
            silent = asyncio.get_running_loop().time() - self._posted
            if driver is not None and driver.startswith("posting-") and silent > SILENT:
                self._gone(driver, "the phone has left: press again")

    def _gone(self, client: str, why: str) -> None:
        self._wrong.pop(client, None)
        if self._seat.leave(client):
            self._session.driving.leave(why)

    def _hear(self, client: str, text: str) -> None:
        """Takes in what a client sent; what is wrong with it, it is told with the next state."""
        try:
            try:
                data = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise MessageError("a message is JSON, this is not") from error
            if isinstance(data, dict) and "drive" in data:
                self._sit(client, bool(data["drive"]))
            elif not self._seat.of(client):
                raise MessageError("somebody else drives" if self._seat.taken else "you look on")
            elif isinstance(data, dict) and "say" in data:
                self._session.say(str(data["say"]), str(data.get("notes", "")))
            else:
                self._session.driving.receive(read_message(data))
        except MessageError as error:
            self._wrong[client] = str(error)
        else:
            self._wrong.pop(client, None)

    def _sit(self, client: str, drive: bool) -> None:
        if not drive:
            self._gone(client, "")
        elif not self._seat.take(client):
            raise MessageError("somebody else drives")

    def _state(self, client: str) -> dict[str, Any]:
        """What a client is told."""
        driving = self._session.driving
        return {
            "drives": self._seat.of(client),
            "taken": self._seat.taken,
            "camera": self._pictures is not None,
            "clients": len(self._sockets),
            "heard": driving.heard if self._seat.of(client) else -1,
            "wrong": self._wrong.get(client, ""),
            "driving": asdict(driving.state),
            "session": asdict(self._session.state),
        }
