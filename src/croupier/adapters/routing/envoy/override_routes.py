"""The routes of requests that ask for a version themselves, in front of all others, and their read back.

Pure. Never silently elsewhere: a token that is not valid is 403, a version that does not run 503, and what is broken
shows, for there is no fallback. Called by the routes and the read back.
"""

from collections.abc import Collection
from typing import Final

from croupier.adapters.routing.envoy.bootstrap import Json
from croupier.adapters.routing.envoy.clusters import cluster_name
from croupier.control.ports import VersionKey
from croupier.core.smoke.override import ASKED, NOT_RUNNING, REFUSED, TOKEN_HEADER, named, naming

_FORBIDDEN: Final = "The version token is not valid here: wrong signature, expired, or made for another edge."


def refusal() -> Json:
    """The very first route: whoever asks without a valid token is refused, and learns nothing of versions."""
    carries = {"prefix": "/", "headers": [{"name": TOKEN_HEADER, "present_match": True}]}
    return {"match": carries, **_answer(403, _FORBIDDEN), "response_headers_to_add": [_says(REFUSED)]}


def asked_routes(path: Json, service: str, running: Collection[VersionKey], timeout_s: float) -> list[Json]:
    """The routes of one prefix for requests whose token names this service, by what runs of it."""
    routes: list[Json] = [
        {
            "match": {**path, "headers": [_asks(named(service, key.version))]},
            "route": {"cluster": cluster_name(key), "timeout": f"{timeout_s:g}s"},
        }
        for key in sorted(running)
        if key.service == service
    ]
    routes.append(
        {
            "match": {**path, "headers": [_asks(naming(service))]},
            **_answer(503, f"The version of {service} that was asked for does not run."),
            "response_headers_to_add": [_says(NOT_RUNNING)],
        }
    )
    return routes


def is_ours(route: Json) -> bool:
    """Whether a route that is no player's leads where it says: for the read back, which looks at each."""
    match route["match"]:
        case {"headers": [{"name": name, "present_match": True}]} if name == TOKEN_HEADER:
            return "direct_response" in route
        case {"headers": [{"name": name, "string_match": {"contains": str(asked)}}]} if name == ASKED:
            wanted = asked.strip("|")
            return "direct_response" in route if wanted.endswith("@") else route["route"].get("cluster") == wanted
        case {"headers": _}:
            return False
        case _:
            return "direct_response" in route


def _says(what: str) -> Json:
    return {"header": {"key": TOKEN_HEADER, "value": what}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _asks(text: str) -> Json:
    return {"name": ASKED, "string_match": {"contains": text}}


def _answer(status: int, title: str) -> Json:
    return {"direct_response": {"status": status, "body": {"inline_string": title}}}
