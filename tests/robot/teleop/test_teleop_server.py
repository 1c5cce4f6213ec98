"""Clients, good ones and others, of a server whose session has no arm."""

import asyncio
import json
import random
import threading
import time

import aiohttp
import pytest
from pages import Session, left, told

from robot.teleop.certificate import context, own_certificate
from robot.teleop.client import connected
from robot.teleop.hand_message import LONGEST, read_message
from robot.teleop.server import SILENT, TeleopServer, listen

HAND = {
    "sequence": 0,
    "time": 0.0,
    "held": True,
    "position": [0, 0, 0],
    "rotation": [1, 0, 0, 0],
    "opening": 1,
}


def test_nobody_without_the_token_gets_anything(served):
    session, address, server = served

    async def ask():
        async with aiohttp.ClientSession() as web:
            base = address.rsplit("/", 2)[0]
            for path in ("/", "/x/", f"/{server.token[:-1]}/", "/x/socket", "/x/camera"):
                async with web.get(base + path) as answer:
                    assert answer.status == 404, path
            async with web.post(base + "/x/messages", data='{"drive": true}') as answer:
                assert answer.status == 404
            async with web.get(address + "../" + server.token + "/..%2fserver.py") as answer:
                assert answer.status == 404
            async with web.get(address) as answer:
                assert answer.status == 200
                assert "Drive the arm" in await answer.text()

    asyncio.run(ask())
    assert not session.driving.messages


def test_one_drives_and_twenty_look_on_until_it_leaves(served):
    session, address, _ = served

    async def act():
        async with connected(address) as driver:
            await driver.say(drive=True)
            await told(driver, "drives", True)
            await driver.say(**HAND)
            others = [connected(address) for _ in range(20)]
            clients = [await other.__aenter__() for other in others]
            for client in clients:
                await client.say(drive=True)
                await client.say(**{**HAND, "sequence": 99})
                await client.say(say="keep")
            for client in clients:
                await told(client, "wrong", "somebody else drives")
                assert client.state["session"]["phase"] == "ready"
            assert [m.sequence for m in session.driving.messages] == [0]
            assert not session.said
            for other in others[1:]:
                await other.__aexit__(None, None, None)
            assert not session.driving.left
            await driver.say(say="start", notes="n")
            await told(driver, "wrong", "")
            await driver.say(drive=False)
            await told(clients[0], "taken", False)
            await clients[0].say(drive=True)
            await told(clients[0], "drives", True)
            await others[0].__aexit__(None, None, None)
            await left(session, 2)

    asyncio.run(act())
    assert session.said == [("start", "n")]
    assert session.driving.left[0] == ""
    assert "connection was lost" in session.driving.left[1]


def test_what_is_no_message_is_told_and_the_next_one_counts(served):
    session, address, _ = served

    async def act():
        async with connected(address) as driver:
            await driver.say(drive=True)
            await driver._socket.send_str("{nothing")
            await told(driver, "wrong", "a message is JSON, this is not")
            await driver._socket.send_str("[" * 900)
            await driver._socket.send_bytes(b"\x00\x01")
            await told(driver, "wrong", "messages are text")
            await driver.say(**{**HAND, "held": "yes"})
            await told(driver, "wrong", "held is 'yes', must be true or false")
            await driver.say(say="dance")
            await told(driver, "wrong", "dance is no word")
            await driver.say(**HAND)
            await told(driver, "wrong", "")

    asyncio.run(act())
    assert len(session.driving.messages) == 1


def test_a_frame_that_is_too_long_ends_its_connection_and_lets_go(served):
    session, address, _ = served

    async def act():
        async with connected(address) as driver:
            await driver.say(drive=True)
            await told(driver, "drives", True)
            await driver.say(more="x" * (LONGEST + 1))
            await left(session, 1)

    asyncio.run(act())
    assert "connection was lost" in session.driving.left[0]


def test_ten_thousand_messages_of_noise_do_nothing(served):
    session, address, _ = served
    chance = random.Random(0)

    async def act():
        async with connected(address) as driver:
            await driver.say(drive=True)
            await told(driver, "drives", True)
            text = json.dumps(HAND)
            for _ in range(10_000):
                where, letter = chance.randrange(len(text)), chr(chance.randrange(32, 400))
                await driver._socket.send_str(text[:where] + letter + text[where + 1 :])
            await driver.say(**{**HAND, "sequence": 123})
            await told(driver, "heard", 123, seconds=20)

    asyncio.run(act())
    for message in session.driving.messages:  # a digit may have become another one
        read_message(json.loads(message.text()))


def test_who_cannot_have_a_socket_posts_and_has_left_when_it_is_silent(served):
    session, address, _ = served

    async def act():
        async with aiohttp.ClientSession() as web:

            async def post(client, **message):
                url = f"{address}messages?client={client}"
                async with web.post(url, data=json.dumps(message)) as answer:
                    return await answer.json()

            assert (await post("a", drive=True))["drives"]
            assert (await post("a", **HAND))["heard"] == 0
            assert (await post("b", drive=True))["wrong"] == "somebody else drives"
            async with web.post(address + "messages", data="x" * (LONGEST + 1)) as answer:
                assert answer.status == 413
            assert not session.driving.left
            await asyncio.sleep(SILENT + 0.5)
            assert "the phone has left" in session.driving.left[0]
            assert (await post("b", drive=True))["drives"]

    asyncio.run(act())


def test_who_does_not_listen_holds_nobody_up(served):
    session, address, server = served

    async def act():
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"GET /{server.token}/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await reader.readline()  # and no more
        async with connected(address) as driver:
            await driver.say(drive=True)
            begun = time.monotonic()
            for i in range(60):
                await driver.say(**{**HAND, "sequence": i})
            await told(driver, "heard", 59)
            assert time.monotonic() - begun < 1.0
        writer.close()

    asyncio.run(act())
    assert len(session.driving.messages) == 60


def test_a_server_that_ends_lets_go(served):
    session, address, server = served
    ended = threading.Timer(0.5, server.close)

    async def act():
        async with connected(address) as driver:
            await driver.say(drive=True)
            await told(driver, "drives", True)
            ended.start()
            await asyncio.sleep(2)
            assert driver._socket.closed

    asyncio.run(act())
    assert session.driving.left[-1] == "the server has ended"


def test_over_https_a_port_that_is_taken_is_an_error(tmp_path):
    tls = context(own_certificate(tmp_path, "127.0.0.1"))
    server = TeleopServer(Session(), tls=tls)
    server.start()
    try:

        async def act():
            async with connected(f"https://127.0.0.1:{server.port}/{server.token}/") as client:
                await told(client, "drives", False)

        asyncio.run(act())
        with pytest.raises(OSError, match=f"port {server.port} of 127.0.0.1 cannot"):
            listen("127.0.0.1", server.port)
    finally:
        server.close()
