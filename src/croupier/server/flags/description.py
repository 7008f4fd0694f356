"""The endpoints for applications as OpenAPI has them: they are no routes of the framework, which would describe them.

Used by ``api.openapi``; the reference is made from it.
"""

from typing import Any, Final

from croupier.core.flags.snapshot import MEDIA_TYPE

_SECURITY: Final[list[dict[str, list[str]]]] = [{"token": []}]
_ENVIRONMENT: Final = {
    "name": "environment",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "maxLength": 60},
    "example": "production",
}
_TEXT: Final = {"type": "string"}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": _TEXT}


def _query(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": _TEXT}


_SNAPSHOT: Final = {
    "tags": ["for applications"],
    "summary": "Fetch all flags",
    "description": "Every flag of the environment, ready to be evaluated: a header line of JSON, then a line a flag. "
    "The ETag is `LINEAGE:VERSION`.",
    "operationId": "get_flag_snapshot",
    "security": _SECURITY,
    "parameters": [_ENVIRONMENT, _header("If-None-Match", "The ETag of what is held already.")],
    "responses": {
        "200": {"description": "The flags; compressed where gzip is accepted.", "content": {MEDIA_TYPE: {}}},
        "304": {"description": "What is held is what there is."},
    },
}
_STREAM: Final = {
    "tags": ["for applications"],
    "summary": "Follow the flags",
    "description": "Server-sent events. First `hello` with `heartbeat_s`, `ack_within_s` and `position`; then `delta` "
    "(what changed, `id` is the position) as it changes, and `resync` with `within_s`: fetch the snapshot at a random "
    "moment within that time. `now` is the heartbeat: by its `position` and `digest` who missed something finds out. "
    "A client that reads nothing is cut off.",
    "operationId": "stream_flags",
    "security": _SECURITY,
    "parameters": [
        _ENVIRONMENT,
        _query("client", "What the application calls itself, as in its acknowledgements."),
        _header("Last-Event-ID", "The position that is held: what came after it is sent first."),
    ],
    "responses": {"200": {"description": "The stream.", "content": {"text/event-stream": {}}}},
}
_ACKNOWLEDGE: Final = {
    "tags": ["for applications"],
    "summary": "Say what runs",
    "description": "The application runs the flags of this position. Send it at a random moment within `ack_within_s`.",
    "operationId": "acknowledge_flags",
    "security": _SECURITY,
    "parameters": [_ENVIRONMENT],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["client", "position", "digest"],
                    "properties": {
                        "client": {"type": "string", "maxLength": 128, "example": "shop-7d9f-x2x4z"},
                        "sdk": {"type": "string", "maxLength": 100, "example": "croupier-python/0.1.0"},
                        "position": {"type": "string", "example": "4f6c0d2e:412"},
                        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                        "held_s": {"type": "number", "minimum": 0, "description": "Waited before it was sent."},
                    },
                }
            }
        },
    },
    "responses": {"204": {"description": "Noted."}},
}

_EXPOSURES: Final = {
    "tags": ["for applications"],
    "summary": "Report to experiments",
    "description": "Who was given which variant of a flag that a running experiment measures, and who did what. A "
    "flag's line names the run, the rule whose outcomes count (those with reason SPLIT), the attribute that players "
    "are known by, and the events. A player is the BLAKE2b of their key, 8 bytes, keyed with the run's id, in hex. "
    "Each player is counted once: what is sent again changes nothing.",
    "operationId": "report_exposures",
    "security": _SECURITY,
    "parameters": [_ENVIRONMENT],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["client", "runs"],
                    "properties": {
                        "client": {"type": "string", "maxLength": 128, "example": "shop-7d9f-x2x4z"},
                        "lost": {"type": "integer", "minimum": 0, "description": "Reports left out since its start."},
                        "runs": {
                            "type": "object",
                            "description": "By run: [player, variant, event, seconds ago]; variant or event is empty.",
                            "additionalProperties": {
                                "type": "array",
                                "items": {"type": "array", "minItems": 4, "maxItems": 4, "items": {}},
                            },
                            "example": {"0f" * 16: [["8b1a9953c4611296", "blue", "", 1.5]]},
                        },
                    },
                }
            }
        },
    },
    "responses": {"204": {"description": "Counted."}},
}

PATHS: Final[dict[str, dict[str, Any]]] = {
    "/api/v1/environments/{environment}/flags": {"get": _SNAPSHOT},
    "/api/v1/environments/{environment}/flags/stream": {"get": _STREAM},
    "/api/v1/environments/{environment}/flags/acknowledge": {"post": _ACKNOWLEDGE},
    "/api/v1/environments/{environment}/flags/exposures": {"post": _EXPOSURES},
}
"""Path items, without the problems that every path may answer."""
