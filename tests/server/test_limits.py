"""Room for many connections, as far as the system allows."""

import logging
import subprocess
import sys

import pytest

from croupier.server.limits import make_room

CODE = """
import resource
from croupier.server.limits import make_room
resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))
make_room(1_000)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize("hard, after", [(4_000, "2500 4000"), (1_000, "1000 1000")])
def test_raised_as_far_as_it_may_be(hard: int, after: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(hard=hard)], capture_output=True, text=True, check=True, timeout=280
    )
    assert done.stdout.strip() == after


def test_enough_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "croupier.server"):
        make_room(1)
    assert not caplog.records


def test_what_stays_is_not_looked_through_again_and_again() -> None:
    asked = "print(gc.get_freeze_count() > 1_000, gc.isenabled())"
    code = f"import gc\nfrom croupier.server.limits import settle\nsettle()\n{asked}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=280)
    assert done.stdout.strip() == "True True"
