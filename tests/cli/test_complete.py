"""What the shell offers at the tab key: names of flags and presets, and nothing at all where that cannot be said."""

import socket
import threading
from typing import Any

import pytest
from tests.cli.conftest import DEADLINE_S

from croupier.cli.connection import Connection

_CODE = "import sys; sys.argv = ['croupier', *sys.argv[1:]]\nfrom croupier.cli import main\nmain()"
_PATIENT = f"from croupier.cli import complete; complete._PATIENCE_S = {DEADLINE_S}; {_CODE}"


@pytest.fixture
def offered(run_process: Any) -> Any:
    """What a bash offers after these words."""

    def press_tab(*words: str, code: str = _PATIENT, **env: str) -> list[str]:
        asked = {
            "_CROUPIER_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(("croupier", *words)),
            "COMP_CWORD": str(len(words)),
        }
        found = run_process(code=code, env=asked | env)
        assert (found.returncode, found.stderr) == (0, "")
        return list(found.stdout.split())

    return press_tab


def test_flags_and_presets(plane: Any, cli: Any, offered: Any) -> None:
    for key in ("payments_v2", "new_lobby"):
        assert cli("flag", "set", key, "--rollout", "1").code == 0
    assert offered("flag", "kill", "pay") == ["payments_v2"]
    assert offered("flag", "show", "") == ["new_lobby", "payments_v2"]
    assert offered("flag", "kill", "nothing-like-it") == []
    with Connection(plane.url).open() as client:
        client.put("presets/stop-all", {"name": "stop-all", "changes": [{"flag": "payments_v2", "kill": True}]})
    assert offered("preset", "show", "st") == ["stop-all"]
    for url in (
        f"http://127.0.0.1:{plane.url[-5:]}9",
        "nonsense",
        "http://[::1",
        "ftp://127.0.0.1",
        "http://203.0.113.1",
    ):
        assert offered("--url", url, "flag", "kill", "pay", code=_CODE) == []
    assert offered("--token", "crp_none", "flag", "kill", "pay") == []


def test_documents(shop: Any, offered: Any) -> None:
    assert offered("service", "show", "") == ["shop"]
    assert offered("gate", "show", "o") == ["ok"]
    assert offered("segment", "show", "") == []
    assert offered("delete", "ga") == ["gate"]
    assert offered("delete", "gate", "") == ["ok"]
    assert offered("document", "show", "nonsense", "") == []


def test_a_server_that_says_nothing_is_not_waited_for(cli: Any, offered: Any) -> None:
    heard: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(DEADLINE_S)
        thread = threading.Thread(target=lambda: heard.append(mute.accept()[0]))
        thread.start()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        assert offered("--url", url, "--token", "crp_x", "flag", "kill", "", code=_CODE) == []
        thread.join()
    heard[0].close()
