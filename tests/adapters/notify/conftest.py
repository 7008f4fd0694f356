"""A receiver for each test, plain or over TLS."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters.certificates import Authority
from tests.adapters.notify.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls_receiver(authority: Authority) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("hooks"))
    one = Receiver(tls=context)
    yield one
    one.stop()
