"""Requests to addresses that somebody wrote down: only to the open internet, unless the operator allows the host.

A name is resolved, every address it has is checked, and the connection goes to one of those that were checked, so that
a name that changes its mind (DNS rebinding) gets nowhere. Redirects and proxies are not followed. Used by notifiers and
by web sources of gates, each with its own timeouts.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import httpx

from croupier.errors import Rejected

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""From a name and a port to addresses, in a thread. Raises ``OSError`` where there are none."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
PORTS: Final = {"http": 80, "https": 443}


class Forbidden(httpx.ConnectError):
    """The request was not sent: it would have gone where nothing may go."""


class TooMuch(httpx.TransportError):
    """The answer is longer than the limit."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts that may be reached although they are private, and by plain HTTP: ``alerts.internal``, ``10.0.0.7:9093``,
    ``10.2.0.0/16``. A network allows what is written as an address, and names that resolve into it.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def read(cls, words: Collection[str]) -> "Allowed":
        """From the operator's words. Raises ``Rejected``."""
        hosts, networks = set(), []
        for word in words:
            text = word.strip().lower()
            try:
                networks.append(ipaddress.ip_network(text))
            except ValueError:
                if "/" in text or "*" in text or not text:
                    raise Rejected(
                        f"'{word[:100]}' is no host.",
                        hint="Write a name, a name:port, or a network: 10.2.0.0/16.",
                    ) from None
                hosts.add(text)
        return cls(frozenset(hosts), tuple(networks))

    def host(self, host: str, port: int) -> bool:
        """Whether this name or address was allowed as such."""
        name = host.lower().rstrip(".")
        shown = f"[{name}]" if ":" in name else name
        return name in self.hosts or f"{shown}:{port}" in self.hosts

    def address(self, address: Address) -> bool:
        """Whether it lies in a network that was allowed."""
        return any(address in network for network in self.networks)


def why_private(address: Address) -> str | None:
    """Why nothing may be sent there: it is this machine, its neighbours, or nobody. ``None`` for the open internet."""
    if isinstance(address, ipaddress.IPv6Address) and (inside := _embedded(address)) is not None:
        return why_private(inside)
    if address.is_loopback:
        return "this machine"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "no host's address"
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return "a private address"
    return None if address.is_global else "a private address"


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end at."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def check_url(url: str, allowed: Allowed) -> None:
    """What is wrong with the address before anything is resolved. Raises ``Rejected``, without what may be secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Rejected("the URL cannot be read.", hint="Write for example https://hooks.example/croupier.") from None
    if parts.scheme not in PORTS or not host or not url.isprintable() or any(letter.isspace() for letter in url):
        raise Rejected("this is no URL of a web server.", hint="Write for example https://hooks.example/croupier.")
    if "@" in parts.netloc:
        raise Rejected("the URL holds a user or a password.", hint="Leave them out.")
    number = port or PORTS[parts.scheme]
    literal = _literal(host)
    inside = allowed.host(host, number) or (literal is not None and allowed.address(literal))
    if parts.scheme == "http" and not inside and not allowed.networks:
        raise Rejected(f"{host} would be asked by plain HTTP.", hint=f"Write https://, or {_HOW}{host}")
    if literal is not None and not inside and (why := why_private(literal)):
        raise Rejected(f"{host} is {why}.", hint=f"If that is meant, {_HOW}{host}")


_HOW: Final = "allow it: CROUPIER_OUTGOING_HOSTS="


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine knows the name under."""
    return [str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(slots=True)
class Guarded(httpx.AsyncBaseTransport):
    """Connects to addresses that were checked. Each request has a connection of its own: nothing outlives its check."""

    allowed: Allowed = field(default_factory=Allowed)
    trusted: ssl.SSLContext | None = None
    """Whose certificates count; by default those that the machine trusts."""
    names: Resolve = resolve
    _inner: httpx.AsyncHTTPTransport = field(init=False)
    _threads: ThreadPoolExecutor = field(init=False)
    """Of its own: a name server that hangs must not hold up what else waits for a thread."""

    def __post_init__(self) -> None:
        alone = httpx.Limits(max_connections=20, max_keepalive_connections=0)
        trusted = self.trusted or ssl.create_default_context()
        self._inner = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False, limits=alone)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="names")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx wants it. Raises ``Forbidden``."""
        url = request.url
        port = url.port or PORTS.get(url.scheme, 0)
        address = await self.permitted(url.host, port, url.scheme)
        # The certificate is still the name's; the Host header was made before.
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=address)
        try:
            return await self._inner.handle_async_request(request)
        finally:
            request.url = url

    async def aclose(self) -> None:
        """Close what is open."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._inner.aclose()

    async def permitted(self, host: str, port: int, scheme: str) -> str:
        """An address to connect to. All that the name has must be fit: which one is taken is chance. Raises
        ``Forbidden``, and ``httpx.ConnectError`` for a name without an address.
        """
        try:
            loop = asyncio.get_running_loop()
            there = await loop.run_in_executor(self._threads, self.names, host, port)
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in there]
        except (OSError, ValueError, UnicodeError):
            raise httpx.ConnectError(f"the name {host} is not known") from None
        if not found:
            raise httpx.ConnectError(f"the name {host} has no address")
        if self.allowed.host(host, port):
            return str(found[0])
        strange = [address for address in found if not self.allowed.address(address)]
        for address in strange:
            if why := why_private(address):
                raise Forbidden(f"{host} leads to {why} ({address}); if that is meant, {_HOW}{host}")
        if strange and scheme != "https":
            raise Forbidden(f"{host} would be asked by plain HTTP; write https://, or {_HOW}{host}")
        return str(found[0])


def open_client(
    allowed: Allowed, *, timeout_s: float, trusted: ssl.SSLContext | None = None, names: Resolve = resolve
) -> httpx.AsyncClient:
    """A client that sends nothing where nothing may go. Close it."""
    return httpx.AsyncClient(
        transport=Guarded(allowed, trusted, names),
        timeout=timeout_s,
        headers={"accept-encoding": "identity", "user-agent": "croupier"},
        follow_redirects=False,
        trust_env=False,
    )


async def read_up_to(answer: httpx.Response, limit: int) -> bytes:
    """The body of a streamed answer, as it travelled. Raises ``TooMuch`` past the limit."""
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise TooMuch(f"the answer has more than {limit:,} bytes")
    return bytes(body)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
