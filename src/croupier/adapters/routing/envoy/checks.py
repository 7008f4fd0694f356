"""What a traffic table must satisfy so that Envoy can serve it exactly; every mistake found is told at once.

Pure. Called before anything is rendered: a table that is refused here has changed nothing.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeVar

from croupier.adapters.routing.envoy.bootstrap import INTERNAL_HEADERS
from croupier.control.ports import Backend, RoutedService, TrafficTable, VersionKey
from croupier.core.releases import Service
from croupier.core.segments import Segment
from croupier.errors import Problem, Rejected

T = TypeVar("T")

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]{1,128}")
_COOKIE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~_-]{1,128}")
_PREFIX: Final = re.compile(r"/|(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")
_PRINTABLE: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")


def check_table(table: TrafficTable) -> None:
    """Raises ``Rejected`` with all problems; ``path`` of each begins with the service's name."""
    problems = tuple(_problems(table))
    if problems:
        raise Rejected("The traffic table cannot be served: " + "; ".join(map(str, problems)), problems=problems)


def _problems(table: TrafficTable) -> Iterator[Problem]:
    for name in _repeated(routed.service.name for routed in table.services):
        yield Problem("the service is listed more than once.", (name,))
    for key in _repeated(backend.key for backend in table.backends):
        yield Problem(f"version {key.version} has more than one backend.", (key.service,))
    owners: dict[str, str] = {}
    # Who serves players already keeps a prefix; the newcomer is told.
    for routed in sorted(table.services, key=lambda item: item.routes.default is None):
        for prefix in routed.service.prefixes:
            owner = owners.setdefault(prefix, routed.service.name)
            if owner != routed.service.name:
                yield Problem(f"{prefix} already leads to {owner}.", (routed.service.name, "prefixes"))
    keys = {backend.key for backend in table.backends}
    for routed in table.services:
        yield from _service_problems(routed.service)
        yield from _routes_problems(routed, keys)
    for backend in table.backends:
        yield from _backend_problems(backend)


def _repeated(items: Iterator[T]) -> list[T]:
    return [item for item, count in Counter(items).items() if count > 1]


def _service_problems(service: Service) -> Iterator[Problem]:
    where = (service.name,)
    if not _NAME.fullmatch(service.name):
        yield Problem("a service's name is letters, digits and . _ + ~ - only, at most 128.", where)
    if not service.prefixes:
        yield Problem("no prefix leads to the service.", (*where, "prefixes"), "Give at least one, such as /payments.")
    for index, prefix in enumerate(service.prefixes):
        segments = prefix.split("/")
        if not _PREFIX.fullmatch(prefix) or "." in segments or ".." in segments or prefix in service.prefixes[:index]:
            yield Problem(
                f"{prefix!r} is no prefix of a path, or is repeated.",
                (*where, "prefixes", index),
                "Write it like /payments or /api/v1: no slash at the end, no query, no empty or dotted parts.",
            )
    yield from _header_problems(service.identity_header, (*where, "identityHeader"))
    if service.identity_cookie is not None and not _COOKIE.fullmatch(service.identity_cookie):
        yield Problem(f"{service.identity_cookie!r} cannot be the name of a cookie.", (*where, "identityCookie"))
    for attribute, header in service.attribute_headers:
        yield from _header_problems(header, (*where, "attributeHeaders", attribute))


def _header_problems(header: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
    if not _HEADER.fullmatch(header):
        yield Problem(f"{header!r} is no header name that passes the edge.", path, "Use letters, digits and hyphens.")
    elif header.lower().startswith(INTERNAL_HEADERS):
        yield Problem(f"{header} is internal: the edge removes it from every request.", path, "Name it otherwise.")


def _routes_problems(routed: RoutedService, keys: set[VersionKey]) -> Iterator[Problem]:
    service, routes = routed.service, routed.routes
    where = (service.name,)
    if routes.service != service.name:
        yield Problem(f"the routes are those of {routes.service}.", where)
    if not _PRINTABLE.fullmatch(routes.salt):
        yield Problem("the salt has control characters.", where)
    for version in routes.versions:
        if VersionKey(service.name, version) not in keys:
            yield Problem(f"version {version} has no backend.", where, "List it, if need be without endpoints.")
    if routes.default is not None and not routes.shares:
        yield Problem(f"default {routes.default} without shares.", where, "Add a share for everybody.")
    if routes.shares and any((share.segment is None) != (share is routes.shares[-1]) for share in routes.shares):
        yield Problem("exactly the last share must have no segment.", (*where, "shares"))
    for index, share in enumerate(routes.shares):
        path = (*where, "shares", index)
        for version in _repeated(version for version, _ in share.weights):
            yield Problem(f"version {version} has more than one weight.", path)
        if share.segment:
            yield from _segment_problems(share.segment, dict(service.attribute_headers), path)


def _segment_problems(segment: Segment, headers: dict[str, str], path: tuple[str | int, ...]) -> Iterator[Problem]:
    for match in segment.matches:
        if match.attribute not in headers:
            yield Problem(
                f"segment {segment.name} asks for {match.attribute}, which no header of this service carries.",
                path,
                "Name its header in the service's attributeHeaders.",
            )
        if not match.values:
            yield Problem(f"segment {segment.name} allows no value of {match.attribute}.", path)
        for value in match.values:
            if not _PRINTABLE.fullmatch(value) or value != value.strip():
                yield Problem(f"segment {segment.name}: {value!r} cannot be a header's value.", path)


def _backend_problems(backend: Backend) -> Iterator[Problem]:
    where = (backend.key.service, backend.key.version)
    if not _NAME.fullmatch(backend.key.version):
        yield Problem("a version is letters, digits and . _ + ~ - only, at most 128.", where)
    for endpoint in backend.endpoints:
        try:
            ipaddress.ip_address(endpoint.host)
        except ValueError:
            yield Problem(f"{endpoint.host!r} is no IP address.", where, "Resolve the name first.")
        if not 0 < endpoint.port < 65_536:
            yield Problem(f"{endpoint.port} is no TCP port.", where)
