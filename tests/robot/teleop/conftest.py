import pytest
from pages import Session

from robot.teleop.server import TeleopServer


@pytest.fixture
def served():
    """A session and the address of its page."""
    session = Session()
    server = TeleopServer(session)
    server.start()
    yield session, f"http://127.0.0.1:{server.port}/{server.token}/", server
    server.close()
