"""The OpenAPI description, mended: our problems for FastAPI's validation errors, and what every route may answer."""

from copy import deepcopy
from typing import Any, Final

from fastapi import FastAPI

from croupier.server.api.wire import Problem
from croupier.server.flags.description import PATHS
from croupier.server.problems import MEDIA_TYPE

TAGS: Final = [
    {
        "name": "documents and releases",
        "description": "What is declared: services, gates, segments, rollouts, releases.",
    },
    {"name": "services", "description": "What serves players now."},
    {"name": "rollouts", "description": "Start, watch, promote, pause, resume, abort, retry."},
    {"name": "flags", "description": "Declare, read, kill, restore, renew, archive flags; see what an edit would do."},
    {"name": "experiments", "description": "Start, stop, and look at results, as often as you like."},
    {"name": "for applications", "description": "What the SDK asks: plain, and cheap for ten thousand of them."},
    {"name": "OFREP", "description": "OpenFeature's remote evaluation protocol, for any OpenFeature SDK."},
    {"name": "journal", "description": "The record, its proofs, and a stream of what is added to it."},
    {"name": "people", "description": "Tokens, and who is asking."},
    {"name": "health", "description": "For supervisors and Prometheus."},
]
_EVERYWHERE: Final = {
    "400": "The request cannot be read: no JSON, a NUL character, an impossible header.",
    "401": "No token, or one that is not known.",
    "403": "The token's role may not do this.",
    "422": "The request is wrong; `problems` says everything that is.",
    "429": "Too many failed attempts; try again after `Retry-After` seconds.",
    "503": "Something outside does not answer; try again after `Retry-After` seconds.",
}
_OF_POSTS: Final = {
    "404": "It names something that does not exist.",
    "409": "Somebody else was faster.",
    "413": "The body is too large.",
}
_OF_PROTOCOLS: Final[dict[str, dict[str, str]]] = {
    "/ofrep/": {
        "400": "The context cannot be read, or the flag cannot be evaluated; as OFREP has it.",
        "401": "No token, or one that is not known.",
        "403": "The token's role or environment does not permit it.",
        "404": "There is no such flag.",
        "429": "Too many failed attempts; try again after `Retry-After` seconds.",
    },
    "/otlp/": {
        "400": "Nothing of it was taken: what it is cannot be read. Not to be sent again.",
        "401": "No token, or one that is not known.",
        "403": "The token's role does not permit it.",
        "404": "This control plane takes no pushed metrics.",
        "413": "The push is too large.",
        "429": "Too many pushes; try again after `Retry-After` seconds.",
        "503": "Try again after `Retry-After` seconds.",
    },
}
"""Errors in words of other protocols, whose clients would not read ours."""
_WITHOUT_KEY: Final = ("/acknowledge", "/exposures", "/evaluate", "/explain", "/preview")
"""What changes nothing, or nothing that could not be said twice."""

_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and request get the same answer for 24 hours, with `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def describe(app: FastAPI) -> None:
    """Give the application its description."""
    original = app.openapi

    def mended() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _mend(original())
        return app.openapi_schema

    app.openapi = mended  # type: ignore[method-assign]  # the way that FastAPI documents


def _mend(schema: dict[str, Any]) -> dict[str, Any]:
    schema["tags"] = TAGS
    schema["paths"] |= deepcopy(PATHS)
    components = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    problem = Problem.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    components.update(problem.pop("$defs", {}))
    components["Problem"] = problem
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/"):
                _mend_operation(operation, method, path)
            else:
                _mend_foreign(operation.setdefault("responses", {}), path)
    return schema


def _mend_foreign(responses: dict[str, Any], path: str) -> None:
    responses.pop("422", None)
    for prefix, said in _OF_PROTOCOLS.items():
        if path.startswith(prefix):
            responses.update({code: {"description": description} for code, description in said.items()})


def _mend_operation(operation: dict[str, Any], method: str, path: str) -> None:
    said = {**_EVERYWHERE, **(_OF_POSTS if method == "post" else {})}
    if "{" in path:
        said["404"] = "There is no such thing."
    if path.endswith("/events"):
        said["429"] = "There are as many streams as there may be, or too many failed attempts."
    if any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", ())):
        said["412"] = "It changed since you looked."
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = operation["responses"]
    for code, description in said.items():
        responses[code] = {"description": description, "content": content}
    operation["responses"] = dict(sorted(responses.items()))
    if method == "post" and not path.endswith(_WITHOUT_KEY):
        operation.setdefault("parameters", []).append(_KEY)
