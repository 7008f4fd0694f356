"""What a sender is answered: OTLP's own messages, in the form in which it sent. Called by the route.

Two tiny messages, so they are written here by hand: ``ExportMetricsServiceResponse`` and ``google.rpc.Status``.
"""

import json
import math
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from croupier import errors
from croupier.server.otlp.unpack import TooLarge
from croupier.server.problems import TooManyRequests, kind_of

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_CODES: Final = {400: 3, 401: 16, 403: 7, 413: 3, 429: 8, 503: 14}
"""HTTP statuses as codes of gRPC."""


def taken(refused: int, why: str, *, is_json: bool) -> Response:
    """It was taken: all of it, or all but what is told."""
    if is_json:
        partial = {"rejectedDataPoints": str(refused), "errorMessage": why}
        return _answer(200, json.dumps({"partialSuccess": partial} if refused or why else {}).encode(), is_json=True)
    inside = (_varint(1, refused) if refused else b"") + (_text(2, why) if why else b"")
    return _answer(200, _bytes(1, inside) if inside else b"", is_json=False)


def failed(error: errors.CroupierError, *, is_json: bool) -> Response:
    """It was not taken. Only 429 and 503 are worth another try."""
    status = _status(error)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Transient):
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="croupier"'
    code, said = _CODES.get(status, 2), str(error)
    body = json.dumps({"code": code, "message": said}).encode() if is_json else _varint(1, code) + _text(2, said)
    return _answer(status, body, is_json=is_json, headers=headers)


def _status(error: errors.CroupierError) -> int:
    match error:
        case TooLarge():
            return 413
        case TooManyRequests():
            return 429
        case errors.Transient():
            return 503
        case errors.NotFound():
            return 404
        case errors.Rejected():
            return 400
        case _:
            return kind_of(error).status


def _answer(status: int, body: bytes, *, is_json: bool, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, dict(headers or {}), media_type=JSON if is_json else PROTOBUF)


def _varint(field: int, value: int) -> bytes:
    return _number(field << 3) + _number(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8", "replace"))


def _bytes(field: int, value: bytes) -> bytes:
    return _number(field << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have their highest bit set."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
