"""A real Prometheus that asks its clients for a certificate (``--web.config.file``)."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.certificates import Authority
from tests.adapters.metrics.prometheus.conftest import need_prometheus

from croupier.adapters.clock import SystemClock
from croupier.adapters.metrics.prometheus import PrometheusMetrics, PrometheusSettings
from croupier.adapters.metrics.prometheus.ask import Asker, Unanswered
from croupier.control.ports import Query
from croupier.core.gates import PROMETHEUS, EventsSli, Silence

PATIENCE_S = 120.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def url(tmp_path: Path, authority: Authority, free_ports: Callable[[], int]) -> Iterator[str]:
    """Where it is; it takes who has a certificate of the authority."""
    need_prometheus()
    certificate, key = authority.issue("prometheus")
    port = free_ports()
    tls = {
        "cert_file": str(certificate),
        "key_file": str(key),
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": str(authority.file),
    }
    (tmp_path / "web.yml").write_text(json.dumps({"tls_server_config": tls}))
    (tmp_path / "prometheus.yml").write_text("{}")
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [
                str(shutil.which("prometheus")),
                f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--web.config.file={tmp_path / 'web.yml'}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "GOMAXPROCS": "2"},
        )
        yield f"https://127.0.0.1:{port}"
        process.terminate()
        process.wait(60)


async def one(settings: PrometheusSettings, *, asker: Asker | None = None) -> str:
    """What it says to who asks with these settings, once it listens: ``1``, or why nothing."""
    mine = asker or Asker(settings, SystemClock())
    deadline, said = time.monotonic() + PATIENCE_S, ""
    try:
        while time.monotonic() < deadline:
            try:
                ((answer),) = await mine.query("vector(1)", time.time())
                return str(answer["value"][1])
            except Unanswered as unanswered:
                said = unanswered.reason
                if not any(word in said for word in ("nobody listens there", "answers 503")):
                    return said
        return said
    finally:
        if asker is None:
            await mine.close()


async def test_only_who_shows_a_certificate_is_answered(url: str, authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("croupier")
    (tmp_path / "other").mkdir()
    strange, its_key = Authority(tmp_path / "other", "stranger").issue("somebody")
    known: dict[str, Any] = {"url": url, "ca_file": authority.file}
    assert await one(PrometheusSettings(**known, certificate_file=certificate, key_file=key)) == "1"
    without = await one(PrometheusSettings(**known))
    assert "cannot be reached" in without
    assert "CROUPIER_PROMETHEUS_CERTIFICATE_FILE and CROUPIER_PROMETHEUS_KEY_FILE name ours" in without
    turned_down = await one(PrometheusSettings(**known, certificate_file=strange, key_file=its_key))
    assert "cannot be reached" in turned_down
    assert f"it does not take ours, {strange}" in turned_down
    untrusted = await one(PrometheusSettings(url))
    assert "its certificate is not trusted" in untrusted
    assert untrusted.endswith("CROUPIER_PROMETHEUS_CA_FILE names who signs it")
    others = await one(PrometheusSettings(url, ca_file=tmp_path / "other" / "stranger.pem"))
    assert others.endswith(f"CROUPIER_PROMETHEUS_CA_FILE is {tmp_path / 'other' / 'stranger.pem'}")
    nobody = PrometheusSettings(**known, certificate_file=tmp_path / "none", key_file=key)
    assert "our certificate for Prometheus cannot be read" in await one(nobody)
    mixed = PrometheusSettings(**known, certificate_file=certificate, key_file=its_key)
    assert (await one(mixed)).endswith("and its key: they do not belong together")


async def test_a_certificate_is_renewed_while_we_run(url: str, authority: Authority, tmp_path: Path) -> None:
    """First a stranger's, which is refused, and then one that counts, in the same files."""
    (tmp_path / "other").mkdir()
    strange, its_key = Authority(tmp_path / "other", "stranger").issue("somebody")
    certificate, key = authority.issue("croupier")
    settings = PrometheusSettings(url, ca_file=authority.file, certificate_file=strange, key_file=its_key)
    asker = Asker(settings, SystemClock())
    try:
        assert "cannot be reached" in await one(settings, asker=asker)
        for _ in range(3):
            for new, file in ((certificate, strange), (key, its_key)):
                fresh = Path(shutil.copy(new, file.with_suffix(".new")))
                fresh.replace(file)  # noqa: ASYNC240 - a small file of the test's
            assert await one(settings, asker=asker) == "1"
    finally:
        await asker.close()


async def test_a_gate_says_why_it_is_not_let_in(url: str, authority: Authority) -> None:
    source = PrometheusMetrics(SystemClock(), PrometheusSettings(url, ca_file=authority.file))
    now = time.time()
    said = await source.read(Query(EventsSli("x_total"), (), "pay", "2", "1", now - 10, now, PROMETHEUS))
    await source.stop()
    assert isinstance(said, Silence)
    assert "cannot be reached" in said.reason
