"""What settings cannot be, and which of them cannot be together. Called by ``settings``, which refuses to start so."""

import ipaddress
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from croupier.server.edge import EDGE_PLAYERS, is_cookie, players_mistake

if TYPE_CHECKING:
    from croupier.server.settings import Settings

_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_HEADER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_NOT_HEADERS: Final = re.compile(
    r"accept.*|authorization|connection|content-.*|cookie|host|proxy-.*|te|trailer|transfer-.*"
)
"""Secrets, which are in files, and what describes the message."""


def mistakes(settings: "Settings") -> Iterator[str]:
    """What is wrong, and what to write instead."""
    for check in (_origins, _flagd, _prometheus, _players, _environments, _addresses):
        yield from check(settings)


def read_header(text: str) -> tuple[str, str] | None:
    """Name and value of a header; ``None`` for what is none, or is set elsewhere."""
    name, colon, value = (part.strip() for part in text.partition(":"))
    sound = colon and _HEADER.fullmatch(name) and value.isascii() and value.isprintable() and value
    return (name, value) if sound and not _NOT_HEADERS.fullmatch(name.lower()) else None


def _origins(settings: "Settings") -> Iterator[str]:
    for origin in settings.ofrep_origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            yield (
                f"ofrep_origins: '{origin[:100]}' is no origin. Write scheme, name and port and nothing more: "
                "https://shop.example."
            )


def _flagd(settings: "Settings") -> Iterator[str]:
    if (settings.flagd_certificate is None) != (settings.flagd_key is None):
        yield "flagd_certificate and flagd_key belong together: set both or none."
    exposed = settings.flagd_port is not None and settings.flagd_key is None and not _is_loopback(settings.host)
    if exposed and not settings.flagd_plaintext:
        yield (
            f"flagd_port is reached from other machines at {settings.host} and speaks no TLS. Set flagd_certificate "
            "and flagd_key; where TLS is in front of it, flagd_plaintext=true (CROUPIER_FLAGD_PLAINTEXT=true)."
        )


def _prometheus(settings: "Settings") -> Iterator[str]:
    asked = [
        name
        for name in type(settings).model_fields
        if name.startswith("prometheus_") and name in settings.model_fields_set
    ]
    if settings.prometheus_url is None:
        if asked:
            yield f"{asked[0]} is set, and prometheus_url is not. Say where Prometheus is."
        return
    whereto = urlsplit(settings.prometheus_url)
    if whereto.scheme not in {"http", "https"} or not whereto.hostname or whereto.query or whereto.fragment:
        yield "prometheus_url is no address of a Prometheus. Write for example https://prom.example:9090."
        return
    if "@" in whereto.netloc:
        yield "prometheus_url holds a user or a password. Set prometheus_user and prometheus_password_file."
    if (settings.prometheus_user is None) != (settings.prometheus_password_file is None):
        yield "prometheus_user and prometheus_password_file belong together: set both or none."
    if (settings.prometheus_certificate_file is None) != (settings.prometheus_key_file is None):
        yield "prometheus_certificate_file and prometheus_key_file belong together: set both or none."
    for text in settings.prometheus_headers:
        if read_header(text) is None:
            yield (
                f"prometheus_headers: '{text[:60]}' cannot be sent. Write 'X-Scope-OrgID: casino'; Authorization, "
                "Cookie, Host and what describes the message are not for this."
            )
    if settings.prometheus_token_file is not None and settings.prometheus_user is not None:
        yield "prometheus_token_file and prometheus_user exclude each other. Choose one."
    secret = settings.prometheus_token_file is not None or settings.prometheus_user is not None
    if secret and whereto.scheme == "http" and not _is_loopback(whereto.hostname):
        yield (
            "prometheus_url is http, so its token or password would travel in the clear. Write https://, or leave "
            "them out."
        )


def _players(settings: "Settings") -> Iterator[str]:
    asked = [name for name in EDGE_PLAYERS if name in settings.model_fields_set]
    if settings.edge_jwks_file is None:
        if asked:
            yield f"{asked[0]} is set, and edge_jwks_file is not. Say which keys sign players' tokens."
        return
    if not settings.edge_issuer:
        yield "edge_issuer is missing: without it the tokens of anybody with such a key would do."
    if wrong := players_mistake(settings.edge_player_claim, settings.edge_player_header, settings.edge_claims):
        yield wrong
    for name in ("edge_token_cookie", "edge_visitor_cookie"):
        cookie = getattr(settings, name)
        if cookie is not None and not is_cookie(cookie):
            yield f"{name}: '{cookie[:60]}' cannot be the name of a cookie."
    if settings.edge_token_cookie == settings.edge_visitor_cookie:
        yield "edge_token_cookie and edge_visitor_cookie are the same. Give the session its own."


def _environments(settings: "Settings") -> Iterator[str]:
    for name in settings.environments:
        if not _ENVIRONMENT.fullmatch(name):
            yield (
                f"environments: '{name[:60]}' cannot be an environment's name. Write letters, digits, '.', '_' and "
                "'-', 60 at most."
            )
    if len(set(settings.environments)) < len(settings.environments):
        yield "environments: one is named twice."


def _addresses(settings: "Settings") -> Iterator[str]:
    if not _is_loopback(settings.host) and not settings.allow_remote:
        yield (
            f"host {settings.host} can be reached from other machines. If that is meant, set allow_remote=true "
            "(CROUPIER_ALLOW_REMOTE=true) and put TLS in front; else use 127.0.0.1."
        )
    if settings.host == settings.edge_host and settings.port == settings.edge_port:
        yield f"port and edge_port are both {settings.port}. Choose two ports."
    if settings.edge_preview_port in (settings.port, settings.edge_port):
        yield f"edge_preview_port {settings.edge_preview_port} is taken by another one. Choose a third port."


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
