"""``flagd.sync.v1.FlagSyncService`` over gRPC: OpenFeature SDKs with flagd's in-process evaluation listen here.

An extra (``croupier[flagd]``), on a port of its own, where CROUPIER_FLAGD_PORT is set. The messages are small enough to
be described here; names and numbers are those of flagd's ``sync.proto``. Run by ``running``.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

from croupier.control.flags.book import FlagBook
from croupier.errors import CroupierError, Rejected
from croupier.server.auth import Keyring, Principal, bearer_of
from croupier.server.flags.definitions import NEWEST, Definitions

_PACKAGE: Final = "flagd.sync.v1"
_SERVICE: Final = f"{_PACKAGE}.FlagSyncService"
_STRING: Final = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_MESSAGE: Final = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
_STRUCT: Final = ".google.protobuf.Struct"
_MESSAGES: Final[Mapping[str, tuple[tuple[str, int, str], ...]]] = {
    "SyncFlagsRequest": (("provider_id", 1, ""), ("selector", 2, "")),
    "SyncFlagsResponse": (("flag_configuration", 1, ""), ("sync_context", 2, _STRUCT)),
    "FetchAllFlagsRequest": (("provider_id", 1, ""), ("selector", 2, "")),
    "FetchAllFlagsResponse": (("flag_configuration", 1, ""), ("sync_context", 2, _STRUCT)),
    "GetMetadataRequest": (),
    "GetMetadataResponse": (("metadata", 2, _STRUCT),),
}
_SELECTED: Final = re.compile(r"flagSetId *= *(\S+)")
_LOOK_S: Final = 5.0
"""So often a stream looks whether its token is still good."""

Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

log = logging.getLogger("croupier.flags")


def _classes() -> dict[str, Any]:
    """The messages as classes, made from their description."""
    file = descriptor_pb2.FileDescriptorProto(
        name="croupier/flagd_sync.proto", package=_PACKAGE, syntax="proto3", dependency=[struct_pb2.DESCRIPTOR.name]
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            message.field.add(
                name=field, number=number, type=_MESSAGE if kind else _STRING, type_name=kind or None, label=1
            )
    # A pool of our own: a client of flagd's in the same process has described the same names already.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


class Sync:
    """The service. Who asks names a token in the metadata, as over HTTP, and the environment by ``flagSetId``."""

    def __init__(self, book: FlagBook, keyring: Keyring, definitions: Definitions, limit: int) -> None:
        self._book = book
        self._keyring = keyring
        self._definitions = definitions
        self._limit = limit
        self._open = 0
        self._messages = _classes()

    def handlers(self) -> grpc.GenericRpcHandler:
        """The methods, for a gRPC server."""
        made = self._messages
        kinds = {
            "SyncFlags": (grpc.unary_stream_rpc_method_handler, self.sync_flags),
            "FetchAllFlags": (grpc.unary_unary_rpc_method_handler, self.fetch_all_flags),
            "GetMetadata": (grpc.unary_unary_rpc_method_handler, self.get_metadata),
        }
        methods = {
            name: kind(
                method,
                request_deserializer=made[f"{name}Request"].FromString,
                response_serializer=made[f"{name}Response"].SerializeToString,
            )
            for name, (kind, method) in kinds.items()
        }
        return grpc.method_handlers_generic_handler(_SERVICE, methods)

    async def sync_flags(self, request: Any, call: Call) -> AsyncIterator[Any]:
        """The whole document at once, and again whenever flags change."""
        who, environment = await self._asking(request, call)
        if self._open >= self._limit:
            await call.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{self._limit} clients listen already.")
        self._open += 1
        try:
            seen = -1
            while self._keyring.holder(who.id) is not None:
                changed = self._book.changed
                if seen != self._book.revision:
                    seen = self._book.revision
                    yield self._messages["SyncFlagsResponse"](
                        flag_configuration=await self._document(environment, call)
                    )
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), _LOOK_S)
                except TimeoutError:
                    continue
        finally:
            self._open -= 1
        await call.abort(grpc.StatusCode.UNAUTHENTICATED, "The token was revoked.")

    async def fetch_all_flags(self, request: Any, call: Call) -> Any:
        """The whole document."""
        _, environment = await self._asking(request, call)
        return self._messages["FetchAllFlagsResponse"](flag_configuration=await self._document(environment, call))

    async def get_metadata(self, request: Any, call: Call) -> Any:
        """Nothing: context is the applications' own."""
        await self._asking(request, call)
        return self._messages["GetMetadataResponse"](metadata={})

    async def _document(self, environment: str, call: Call) -> str:
        try:
            return await self._definitions.of(environment, NEWEST)
        except CroupierError as error:
            await call.abort(grpc.StatusCode.NOT_FOUND, str(error))
            raise

    async def _asking(self, request: Any, call: Call) -> tuple[Principal, str]:
        told = {str(name).lower(): str(value) for name, value in call.invocation_metadata() or ()}
        text = bearer_of(told.get("authorization", "")) or told.get("x-api-key", "")
        who = self._keyring.authenticate(text)
        if who is None:
            await call.abort(grpc.StatusCode.UNAUTHENTICATED, "A token is needed: authorization: Bearer crp_…")
            raise AssertionError("unreachable")
        selected = _SELECTED.search(told.get("flagd-selector", "") or getattr(request, "selector", ""))
        environment = selected[1] if selected else who.environment or self._book.environments[0]
        if not who.may_read(environment):
            await call.abort(grpc.StatusCode.PERMISSION_DENIED, f"{who.name} {who.bounds}.")
        return who, environment


def read_identity(certificate: Path, key: Path) -> grpc.ServerCredentials:
    """What to serve TLS with. Raises ``Rejected`` where the files cannot be read or do not belong together."""
    try:
        # Python's own TLS says what is wrong; gRPC would only refuse the port.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password=_no_password)
        return grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
        hint = "CROUPIER_FLAGD_CERTIFICATE is its chain, CROUPIER_FLAGD_KEY its key: PEM, without a password."
        raise Rejected(f"flagd's certificate {certificate} cannot be used: {error}.", hint=hint) from None


def _no_password() -> str:
    raise ValueError("its key has a password")


@asynccontextmanager
async def serving(
    sync: Sync, host: str, port: int, identity: grpc.ServerCredentials | None = None
) -> AsyncIterator[int]:
    """Serve on the port (0: any free one) as long as this is entered, with ``identity`` by TLS; the port. Raises
    ``Rejected`` for a busy one.
    """
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((sync.handlers(),))
    address = f"{f'[{host}]' if ':' in host else host}:{port}"
    try:
        bound = server.add_secure_port(address, identity) if identity else server.add_insecure_port(address)
    except RuntimeError as error:
        hint = "Stop what listens there, or choose another one: CROUPIER_FLAGD_PORT."
        raise Rejected(f"Port {port} of {host} cannot be used for flagd: {error}.", hint=hint) from None
    await server.start()
    log.info("serving flagd's clients", extra={"host": host, "port": bound})
    try:
        yield bound
    finally:
        await server.stop(grace=1.0)
