import socket
import ssl
import stat
import threading

import pytest

from robot.teleop.certificate import context, own_certificate


def test_a_client_that_trusts_the_certificate_may_speak_to_its_address_alone(tmp_path):
    path = own_certificate(tmp_path, "127.0.0.1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600  # there is a key in it
    assert own_certificate(tmp_path, "127.0.0.1").read_bytes() == path.read_bytes()
    trusting = ssl.create_default_context(cafile=str(path))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            for _ in range(2):
                theirs, _ = listening.accept()
                try:
                    context(path).wrap_socket(theirs, server_side=True).close()
                except ssl.SSLError:
                    theirs.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            for name, trusted in (("127.0.0.1", True), ("192.0.2.7", False)):
                with socket.create_connection(listening.getsockname()) as plain:
                    if trusted:
                        trusting.wrap_socket(plain, server_hostname=name).close()
                    else:
                        with pytest.raises(ssl.SSLCertVerificationError, match="IP address"):
                            trusting.wrap_socket(plain, server_hostname=name)
        finally:
            thread.join(5)


def test_what_is_no_certificate_is_refused(tmp_path):
    path = tmp_path / "none.pem"
    path.write_text("nothing")
    with pytest.raises(ValueError, match=r"none.pem and the key in it cannot be used"):
        context(path)
