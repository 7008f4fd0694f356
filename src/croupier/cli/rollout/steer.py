"""``croupier rollout promote|pause|resume|abort|...``: what people do with one that is in progress, or was."""

from typing import Annotated, Any

import typer

from croupier.cli.output import Json, Reason
from croupier.cli.rollout.told import Id, act

Segment = Annotated[
    str | None, typer.Option("--segment", help="A segment that the rollout's steps name, or a declared one.")
]
Match = Annotated[
    list[str] | None,
    typer.Option("--match", help="Or who: market=SE, or market=SE,DK; given several times, all must match."),
]


def promote(
    context: typer.Context,
    rollout: Id,
    full: Annotated[bool, typer.Option("--full", help="Skip all remaining steps.")] = False,
    waive: Annotated[
        list[str] | None,
        typer.Option("--waive", help="Take this gate (or smoke check) out of it; needs --reason."),
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Leave the present step now. Refused while a gate that guards the canary does not say pass."""
    act(context, rollout, "promote", as_json, full=full, waive=waive or [], reason=reason)


def pause(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Hold at the present weight. Gates go on watching, and can still roll back."""
    act(context, rollout, "pause", as_json, reason=reason)


def resume(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Go on after a pause."""
    act(context, rollout, "resume", as_json, reason=reason)


def abort(
    context: typer.Context,
    rollout: Id,
    reason: Reason = "",
    now: Annotated[
        bool, typer.Option("--now", help="Move open rounds, too, and list them; also after an abort.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give up: everybody back to the stable version, at once. Whatever else is going on has to wait."""
    act(context, rollout, "abort", as_json, reason=reason, **({"now": True} if now else {}))


def override(
    context: typer.Context,
    rollout: Id,
    freeze: Annotated[
        str, typer.Option("--freeze", help="What to override: its name, or CALENDAR/NAME; of windows, CALENDAR.")
    ],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Let it go on in spite of a freeze. For as long as this one lasts; needs a reason, which is recorded."""
    act(context, rollout, "override", as_json, freeze=freeze, reason=reason)


def undo(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Take a promoted release back. Everybody to the version before, at once, while that is kept; needs a reason."""
    act(context, rollout, "undo", as_json, reason=reason)


def retry(context: typer.Context, rollout: Id, reason: Reason = "", as_json: Json = False) -> None:
    """Start an aborted rollout again. It begins with its first step and other players, and its gates with nothing held
    against the release and their whole budget for errors; 'gate explain --attempt' has what they had found before.
    """
    act(context, rollout, "retry", as_json, reason=reason)


def hold(
    context: typer.Context,
    rollout: Id,
    segment_: Segment = None,
    match: Match = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Take one segment back. Its players get the stable version, whatever the steps do, and the others go on; needs
    --reason. Works while the rollout is paused, and like abort while the store is out of reach.
    """
    act(context, rollout, "hold", as_json, **_whom(segment_, match), reason=reason)


def release(
    context: typer.Context,
    rollout: Id,
    segment_: Segment = None,
    match: Match = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Let a held segment go with the others again. Refused while a gate that guards does not say pass."""
    act(context, rollout, "release", as_json, **_whom(segment_, match), reason=reason)


def _whom(name: str | None, match: list[str] | None) -> dict[str, Any]:
    """``--match market=SE,DK --match vip=yes`` as the API takes it."""
    matches: dict[str, list[str]] = {}
    for written in match or []:
        attribute, sign, values = written.partition("=")
        if not sign or not attribute or not all(values.split(",")):
            raise typer.BadParameter(f"'{written}' is no match. Write for example market=SE, or market=SE,DK.")
        matches.setdefault(attribute, []).extend(values.split(","))
    if (name is None) == (not matches):
        raise typer.BadParameter("Say whom: exactly one of --segment NAME and --match market=SE.")
    return {"segment": name} if name is not None else {"match": matches}
