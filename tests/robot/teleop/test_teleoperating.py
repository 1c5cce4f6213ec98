"""What is wrong with what one asks for is said before an arm is connected."""

import socket

import pytest

from robot.__main__ import main

NOWHERE = ("--port", "/dev/no-such-arm")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("teleop", "--scale", "0"), "scale is 0.0, must be above 0"),
        (("teleop", "--page", "70000"), "port 70000 of 0.0.0.0 cannot be listened on"),
        (("teleop", "--host", "192.0.2.1"), "port 8443 of 192.0.2.1 cannot be listened on"),
        (("teleop", "--certificate", "none.pem"), "none.pem"),
        (("record", "--episodes", "0"), "--episodes is 0, must be at least 1"),
    ],
)
def test_a_wrong_word_is_one_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([*words, *NOWHERE])
    said = str(ended.value.code) + capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert not (tmp_path / "data" / "pick_banana").exists()


def test_a_port_that_is_taken_is_said_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            main(["teleop", "--page", port, *NOWHERE])
    said = str(ended.value.code) + capsys.readouterr().err
    assert f"port {port} of 0.0.0.0 cannot be listened on" in said
