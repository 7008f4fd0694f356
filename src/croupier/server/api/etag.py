"""``ETag`` and ``If-Match``: a thing's version, so that nobody changes what they have not seen."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header

from croupier.server.problems import Malformed

_ONE: Final = re.compile(r'\s*(?:W/)?"?(\d{1,18})"?\s*')


def etag(version: int) -> dict[str, str]:
    """The header that carries the version."""
    return {"ETag": f'"{version}"'}


def expected_version(
    if_match: Annotated[
        str | None, Header(max_length=100, description="Change it only if this is still its ETag.", examples=['"7"'])
    ] = None,
) -> int | None:
    """The version that the caller has seen; ``None`` where any will do. Raises ``Malformed``."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ONE.fullmatch(if_match)
    if found is None:
        raise Malformed("If-Match is not an ETag of ours.", hint='Send the ETag that you got, for example "7".')
    return int(found[1])


Expected = Annotated[int | None, Depends(expected_version)]
