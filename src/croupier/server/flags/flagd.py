"""``GET …/flagd.json``: flags as a flagd definition, for flagd and for SDKs that evaluate by themselves."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from croupier.server.auth import Client
from croupier.server.context import Here
from croupier.server.flags.definitions import NEWEST, Fractional
from croupier.server.problems import Forbidden

router = APIRouter(prefix="/api/v1/environments", tags=["for applications"])


@router.get(
    "/{environment}/flagd.json",
    operation_id="get_flagd_definition",
    summary="Fetch all flags as flagd has them",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}, 304: {"description": "What is held is what there is."}},
)
async def get_definition(
    here: Here,
    who: Client,
    environment: Annotated[str, Path(max_length=60, examples=["production"])],
    fractional: Annotated[int, Query(ge=1, le=NEWEST, description="flagd's way of bucketing.")] = 3,
    if_none_match: Annotated[str, Header(max_length=1_000)] = "",
) -> Response:
    """The flagd definition of this environment. Flags whose shares flagd cannot deal alike are left out."""
    if not who.may_read(environment):
        raise Forbidden(f"{who.name} {who.bounds}.", hint="Use a token of this one.")
    etag = f'{here.flags.wholes.etag(environment)[:-1]}-{fractional}"'
    if etag in (part.strip().removeprefix("W/") for part in if_none_match.split(",")):
        return Response(status_code=304, headers={"ETag": etag})
    way: Fractional = 1 if fractional == 1 else 2 if fractional == 2 else NEWEST
    text = await here.flags.definitions.of(environment, way)
    return Response(text, headers={"ETag": etag}, media_type="application/json")
