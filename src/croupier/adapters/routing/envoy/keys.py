"""The keys that players' tokens are verified with: read from a file, checked, and handed to Envoy whenever they change.

Envoy takes them as an extension's configuration of its own, so a rotation closes no connection. Called by the
supervisor at the start and on each of its looks.
"""

import base64
import binascii
import json
from pathlib import Path
from typing import Any, Final

import structlog

from croupier.adapters.routing.envoy.files import Resources, read_resources, write_resources
from croupier.adapters.routing.envoy.players import FILTER, Players, render_filter
from croupier.errors import CroupierError, Rejected, Transient

_log = structlog.get_logger(__name__)

_LARGEST: Final = 64 * 1024
_LEAST_RSA: Final = 256
_LEAST_SECRET: Final = 32
_COORDINATE: Final = {("EC", "P-256"): 32, ("EC", "P-384"): 48, ("EC", "P-521"): 66, ("OKP", "Ed25519"): 32}
"""Bytes of a coordinate, by kind and curve."""
_CONFIG: Final = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"


class TokenKeys:
    """Keeps Envoy's filter at what the file of keys says. ``read`` once, then ``follow`` as often as one likes."""

    def __init__(self, players: Players, target: Path) -> None:
        self._players = players
        self._target = target
        self._files = [players.jwks_file, *([players.visitors.key_file] if players.visitors else [])]
        self._seen: object = None
        self._trouble = ""

    def read(self) -> None:
        """Hand the keys to Envoy. Raises ``Rejected`` for a file that holds none; what Envoy has then stays."""
        self._seen = self._stamp()
        visitors = self._players.visitors
        ours = read_jwks(visitors.key_file, ours=True) if visitors else ""
        config = render_filter(self._players, read_jwks(self._players.jwks_file), ours)
        resources = ({"@type": _CONFIG, "name": FILTER, "typed_config": config},)
        before = read_resources(self._target)
        if before is None or not before.same(resources):
            version = int(before.version) + 1 if before and before.version.isdecimal() else 1
            write_resources(self._target, Resources(version=str(version), resources=resources))
            _log.info("keys of players' tokens read", file=str(self._players.jwks_file))

    def follow(self) -> None:
        """Read them again if the file changed; a bad file is reported once, and the keys before it stay."""
        if self._stamp() == self._seen:
            return
        try:
            self.read()
            self._trouble = ""
        except CroupierError as error:
            if isinstance(error, Transient):
                self._seen = None  # the disk was full, say: try again
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.error("keys of players' tokens not read, the old ones stay", reason=self._trouble)

    def _stamp(self) -> object:
        return [_stamp(path) for path in self._files]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_jwks(path: Path, *, ours: bool = False) -> str:
    """The keys as a JWKS that holds nothing private and nothing weak. Raises ``Rejected`` with what to do.

    ``ours`` are private keys, of which the public halves are returned.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        content = json.loads(text) if len(text) <= _LARGEST else None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise _refused(path, f"cannot be read: {reason}") from None
    keys = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise _refused(path, 'is no set of keys; write {"keys": [...]}')
    if ours:
        keys = [{name: value for name, value in key.items() if name != "d"} for key in keys]
    for number, key in enumerate(keys):
        if wrong := _wrong(key):
            raise _refused(path, f"cannot be used: key {key.get('kid', number)!r} {wrong}")
    if {"oct"} < {key["kty"] for key in keys}:
        raise _refused(path, "mixes a shared secret with public keys; use one kind, best public keys")
    return json.dumps({"keys": keys}, sort_keys=True)


def _wrong(key: dict[str, Any]) -> str:
    kind = key.get("kty")
    if kind == "oct":
        return "" if len(_bytes(key.get("k"))) >= _LEAST_SECRET else f"has less than {_LEAST_SECRET} bytes"
    if "d" in key:
        return "is private: give the public half, which needs no secrecy"
    if key.get("use", "sig") != "sig":
        return f"is for {key['use']!r}, not for signatures"
    if kind == "RSA":
        return "" if len(_bytes(key.get("n")).lstrip(b"\0")) >= _LEAST_RSA else "has less than 2048 bits"
    if size := _COORDINATE.get((str(kind), str(key.get("crv")))):
        whole = all(len(_bytes(key.get(name))) == size for name in ("xy" if kind == "EC" else "x"))
        return "" if whole else f"has no coordinates of {size} bytes"
    return "is none of RSA, EC (P-256, P-384, P-521), OKP (Ed25519) and oct"


def _bytes(text: object) -> bytes:
    try:
        return base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4))
    except (binascii.Error, ValueError):
        return b""


def _refused(path: Path, why: str) -> Rejected:
    return Rejected(
        f"The file of keys {path} {why}.",
        hint="CROUPIER_EDGE_JWKS_FILE names a JWKS (RFC 7517) with the public keys that sign players' session tokens.",
    )
