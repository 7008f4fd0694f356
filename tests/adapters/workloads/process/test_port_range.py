import socket

import pytest

from croupier.adapters.workloads.process.port_range import PortRange
from croupier.errors import Transient


def test_ports_that_are_listened_on_or_taken_are_passed_over(free_port: int) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", free_port))
        busy.listen()
        ports = PortRange("127.0.0.1", free_port, free_port)
        with pytest.raises(Transient, match=f"no free port on 127.0.0.1 from {free_port} to {free_port}"):
            ports.take()
    assert ports.take() == free_port
    with pytest.raises(Transient):
        ports.take()
    ports.give_back(free_port)
    assert ports.take() == free_port


def test_a_port_is_not_used_again_at_once() -> None:
    ports = PortRange("127.0.0.1", 20_000, 20_999)
    first = ports.take()
    ports.give_back(first)
    assert ports.take() != first
