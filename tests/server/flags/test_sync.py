"""flagd's own provider for Python, evaluating in process what this server streams; and the definition over HTTP."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.schemas.protobuf.flagd.sync.v1 import sync_pb2, sync_pb2_grpc

from croupier.errors import Rejected
from croupier.server.auth import Role
from croupier.server.flags.sync import Sync, read_identity, serving

FLAGS: list[dict[str, Any]] = [
    {"feature": "payments_v2", "rules": [{"if": "market == 'DE'"}]},
    {"feature": "text", "type": "ops", "variants": {"a": "x", "b": "y"}, "off": "b", "safe": "b", "default": "a"},
]


@asynccontextmanager
async def synced(shore: Any) -> AsyncIterator[int]:
    here = shore.world.context
    sync = Sync(shore.book, here.keyring, here.flags.definitions, limit=2)
    async with serving(sync, "127.0.0.1", 0) as port:
        yield port


class WithToken(grpc.UnaryStreamClientInterceptor, grpc.UnaryUnaryClientInterceptor):
    """Adds the token to every call."""

    def __init__(self, token: str) -> None:
        self._token = token

    def _told(self, details: Any) -> Any:
        metadata = [*(details.metadata or ()), ("authorization", f"Bearer {self._token}")]
        return details._replace(metadata=metadata)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._told(client_call_details), request)

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._told(client_call_details), request)


async def test_flagds_own_provider(shore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await shore.declare(*FLAGS)
    from openfeature.contrib.provider.flagd.resolvers.process.connector import grpc_watcher

    # The provider can give no headers of its own; its channel is dressed with the token instead.
    plain = grpc_watcher.GrpcWatcher._generate_channel
    monkeypatch.setattr(
        grpc_watcher.GrpcWatcher,
        "_generate_channel",
        lambda self, config: Dressed(plain(self, config), WithToken(shore.token)),
    )
    changed = threading.Event()

    def begin(port: int) -> Any:
        provider = FlagdProvider(
            resolver_type=ResolverType.IN_PROCESS, host="127.0.0.1", port=port, tls=False, deadline_ms=8_000
        )
        api.set_provider_and_wait(provider, "flagd-test")
        client = api.get_client("flagd-test")
        client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda _: changed.set())
        germany = EvaluationContext("p1", {"market": "DE"})
        assert client.get_boolean_value("payments_v2", False, germany) is True
        assert client.get_boolean_value("payments_v2", True, EvaluationContext("p1", {"market": "SE"})) is False
        assert client.get_string_value("text", "d") == "x"
        return client, germany

    async with synced(shore) as port:
        client, germany = await asyncio.to_thread(begin, port)
        changed.clear()
        await shore.kill("payments_v2")
        assert await asyncio.to_thread(changed.wait, 10)
        assert await asyncio.to_thread(client.get_boolean_value, "payments_v2", True, germany) is False
        await asyncio.to_thread(api.clear_providers)


class Dressed:
    """A channel whose calls are intercepted; what the provider needs beside that is the plain one's."""

    def __init__(self, plain: Any, interceptor: Any) -> None:
        self._plain = plain
        self._calls = grpc.intercept_channel(plain, interceptor)
        for name in ("unary_unary", "unary_stream", "stream_unary", "stream_stream"):
            setattr(self, name, getattr(self._calls, name))

    def subscribe(self, *args: Any, **kwargs: Any) -> None:
        self._plain.subscribe(*args, **kwargs)

    def close(self) -> None:
        self._plain.close()


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield sync_pb2_grpc.FlagSyncServiceStub(channel)


async def test_who_may_ask_and_for_what(shore: Any) -> None:
    await shore.declare(*FLAGS)
    token = (("authorization", f"Bearer {shore.token}"),)
    async with synced(shore) as port, calling(port) as stub:
        fetched = await stub.FetchAllFlags(sync_pb2.FetchAllFlagsRequest(), metadata=token)
        document = json.loads(fetched.flag_configuration)
        assert set(document["flags"]) == {"payments_v2", "text"}
        assert document["metadata"] == {
            "flagSetId": "production",
            "version": shore.book.snapshot("production").position,
        }
        await stub.GetMetadata(sync_pb2.GetMetadataRequest(), metadata=token)  # type: ignore[deprecated]  # still asked
        for metadata, code in (
            ((), grpc.StatusCode.UNAUTHENTICATED),
            ((("authorization", "Bearer crp_x"),), grpc.StatusCode.UNAUTHENTICATED),
            ((*token, ("flagd-selector", "flagSetId=moon")), grpc.StatusCode.NOT_FOUND),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.FetchAllFlags(sync_pb2.FetchAllFlagsRequest(), metadata=metadata)
            assert refused.value.code() is code
        _, text = await shore.mint(Role.CLIENT, "production")
        selected = sync_pb2.FetchAllFlagsRequest(selector="flagSetId=elsewhere")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.FetchAllFlags(selected, metadata=(("authorization", f"Bearer {text}"),))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_no_more_than_may_listen(shore: Any) -> None:
    token = (("authorization", f"Bearer {shore.token}"),)
    async with synced(shore) as port, calling(port) as stub:
        streams = [stub.SyncFlags(sync_pb2.SyncFlagsRequest(), metadata=token) for _ in range(2)]
        for stream in streams:
            assert json.loads((await stream.read()).flag_configuration)["flags"] == {}
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.SyncFlags(sync_pb2.SyncFlagsRequest(), metadata=token).read()
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await shore.declare({"feature": "new"})
        for stream in streams:
            assert set(json.loads((await stream.read()).flag_configuration)["flags"]) == {"new"}
            stream.cancel()


async def test_a_busy_port_is_said(shore: Any) -> None:
    async with synced(shore) as port:
        here = shore.world.context
        with pytest.raises(Rejected, match=f"Port {port} of 127.0.0.1"):
            async with serving(Sync(shore.book, here.keyring, here.flags.definitions, 1), "127.0.0.1", port):
                pass


async def test_flags_that_flagd_cannot_deal_alike_are_left_out_and_said_once(
    shore: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await shore.declare(*FLAGS, {"feature": "a_share", "rules": [{"rollout": 0.25}]})
    path = "/api/v1/environments/production/flagd.json"
    assert "a_share" not in (await shore.http.get(path)).json()["flags"]
    await shore.kill("text")
    assert (await shore.http.get(path)).json()["flags"]["text"]["defaultVariant"] == "b"
    (said,) = (record.getMessage() for record in caplog.records if "flagd's definition" in record.getMessage())
    assert said.endswith(" says why): a_share")
    await shore.kill("a_share")
    assert (await shore.http.get(path)).json()["flags"]["a_share"]["defaultVariant"] == "off", "a kill goes out"


async def test_the_definition_over_http(shore: Any) -> None:
    await shore.declare(*FLAGS)
    path = "/api/v1/environments/production/flagd.json"
    answer = await shore.http.get(path)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["flags"]) == {"payments_v2", "text"}
    etag = answer.headers["etag"]
    assert (await shore.http.get(path, headers={"if-none-match": etag})).status_code == 304
    other = await shore.http.get(path, params={"fractional": 2}, headers={"if-none-match": etag})
    assert other.status_code == 200
    assert (await shore.http.get(path, params={"fractional": 4})).status_code == 422
    assert (await shore.http.get("/api/v1/environments/moon/flagd.json")).status_code == 404
    await shore.kill("payments_v2")
    killed = (await shore.http.get(path, headers={"if-none-match": etag})).json()
    assert killed["flags"]["payments_v2"]["defaultVariant"] == "off"


@pytest.fixture
def identity(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "chain.pem", tmp_path / "key.pem"
    pem = serialization.Encoding.PEM
    files[0].write_bytes(certificate.public_bytes(pem))
    files[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files


async def test_by_tls(shore: Any, identity: tuple[Path, Path]) -> None:
    await shore.declare(*FLAGS)
    here = shore.world.context
    sync = Sync(shore.book, here.keyring, here.flags.definitions, limit=2)
    trusted = grpc.ssl_channel_credentials(identity[0].read_bytes())
    metadata = (("authorization", f"Bearer {shore.token}"),)
    async with serving(sync, "127.0.0.1", 0, read_identity(*identity)) as port:
        async with grpc.aio.secure_channel(f"localhost:{port}", trusted) as channel:
            stub = sync_pb2_grpc.FlagSyncServiceStub(channel)
            found = await stub.FetchAllFlags(sync_pb2.FetchAllFlagsRequest(), metadata=metadata, timeout=120)
        assert "payments_v2" in json.loads(found.flag_configuration)["flags"]
        async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
            stub = sync_pb2_grpc.FlagSyncServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError, match="UNAVAILABLE"):
                await stub.FetchAllFlags(sync_pb2.FetchAllFlagsRequest(), metadata=metadata, timeout=120)


def test_a_certificate_that_is_none(identity: tuple[Path, Path], tmp_path: Path) -> None:
    chain, key = identity
    for wrong in ((tmp_path / "none.pem", key), (chain, chain), (key, key)):
        with pytest.raises(Rejected, match="cannot be used"):
            read_identity(*wrong)
