"""The page's own files: styles, our script, and the libraries that npm brought at build time, where it did.

Read once; addresses carry the content's digest, so browsers may keep them for ever.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Final

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
VENDOR: Final = (
    "vendor/htmx.min.js",
    "vendor/idiomorph-ext.min.js",
    "vendor/htmx-ext-sse.min.js",
    "vendor/uPlot.iife.min.js",
    "vendor/uPlot.min.css",
)

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    kind: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Every file by its name below ``static``. What is not in here cannot be asked for."""
    root = resources.files("croupier.server.web").joinpath("static")
    found: dict[str, Asset] = {}
    for folder, prefix in ((root, ""), (root.joinpath("vendor"), "vendor/")):
        for file in folder.iterdir() if folder.is_dir() else ():
            kind = _KINDS.get(file.name[file.name.rfind(".") :])
            if kind and file.is_file():
                content = file.read_bytes()
                found[prefix + file.name] = Asset(content, kind, sha256(content).hexdigest()[:16])
    return found


def address(name: str) -> str:
    """Where a file is served."""
    return f"/static/{name}?v={assets()[name].digest}"


def lively() -> bool:
    """Whether the libraries are here; without them pages refresh themselves now and then."""
    return all(name in assets() for name in VENDOR)


@router.get("/static/{name:path}", include_in_schema=False)
def static(name: str) -> Response:
    """One file; open to everybody, since the sign-in page needs them too."""
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{asset.digest}"'}
    return Response(asset.content, headers=headers, media_type=asset.kind)
