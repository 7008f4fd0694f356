"""``croupier flag set|restore|renew|archive``: the changes that people make one flag at a time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.flag.answers import Key
from croupier.cli.output import Json, Reason, counted, last_day, note, out, plain, print_json, styled
from croupier.core.flags.model import FlagType
from croupier.errors import NotFound, Rejected

if TYPE_CHECKING:
    from croupier.cli.client import Client
    from croupier.cli.flag.edit import Wishes

_STEPS: Final = {"d": 1, "w": 7}
_FORMS: Final = "Write 2027-01-31 for a day, 30d or 8w from now."


def set_(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    flag: Key,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="Take the whole declaration from here; - is stdin.")
    ] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether its rules count at all.")] = None,
    rollout: Annotated[str | None, typer.Option(help="Share of the players that the rule takes: 25% or 0.25.")] = None,
    condition: Annotated[str | None, typer.Option("--if", metavar="CEL", help="Whom: market in ['DE', 'SE'].")] = None,
    rule: Annotated[str | None, typer.Option(help="Which rule, by name or number; a new name adds one.")] = None,
    variant: Annotated[str | None, typer.Option(help="What the rule serves.")] = None,
    remove_rule: Annotated[str | None, typer.Option(help="Remove this rule, by name or number.")] = None,
    default: Annotated[str | None, typer.Option(help="The variant of those whom no rule takes.")] = None,
    environment: Annotated[str | None, typer.Option("--environment", "-e", help="Change it in this one only.")] = None,
    kind: Annotated[FlagType | None, typer.Option("--type", help="Why the flag exists.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    expires: Annotated[str | None, typer.Option(help="Until when it is needed: 2027-01-31, 30d, never.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Its tags; replaces those that it has.")] = None,
    reason: Reason = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who gains and who loses, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Change a flag, or declare a new one. Only what an option names is changed. Refused if somebody else changed it
    meanwhile.
    """
    from croupier.cli.flag.edit import Wishes, read_share

    wishes = Wishes(
        enabled=enabled,
        default=default,
        rollout=None if rollout is None else read_share(rollout),
        condition=condition,
        rule=rule,
        variant=variant,
        remove_rule=remove_rule,
        environment=environment,
        fields=_given(type=kind and kind.value, owner=owner, description=description, tags=tag or None),
    )
    connection: Connection = context.obj
    with connection.open() as client, _advised(flag):
        declaration, version = _wished(client, flag, source, expires, wishes)
        if dry_run:
            _try(client, declaration, as_json)
            return
        answer = client.put(f"flags/{segment(flag)}", declaration, version=version, reason=reason)
    show_change(answer, as_json)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _wished(
    client: "Client", flag: str, source: str | None, expires: str | None, wishes: "Wishes"
) -> tuple[dict[str, Any], int]:
    """The flag's declaration as it is wished, and the version that it is to follow."""
    from croupier.cli.flag.edit import edited
    from croupier.core.flags.types import DUTIES

    before, version = _current(client, flag)
    given = _declaration(source, flag) if source else before or {"feature": flag}
    declaration = edited(given if expires is None else _until(given, expires), wishes)
    duty = DUTIES.get(declaration.get("type", FlagType.RELEASE))
    if expires == "never" and duty is not None and duty.expires:
        raise Rejected(f"{flag} is {duty.named}: it has to expire.", hint=_FORMS)
    if declaration == before:
        note("Nothing to change: the flag is like that.")
    return declaration, version


def _try(client: "Client", declaration: dict[str, Any], as_json: bool) -> None:
    from croupier.cli.flag.preview import preview_of, show_previews

    show_previews([preview_of(client, declaration)], as_json=as_json)
    note("dry run: nothing was changed")


@contextmanager
def _advised(flag: str) -> Iterator[None]:
    """Options name variants and cannot declare them: where that is the mistake, say how it is done."""
    try:
        yield
    except Rejected as refused:
        if refused.hint or not any("there is no variant" in problem.message for problem in refused.problems):
            raise
        hint = f"Variants are declared in a file: croupier flag set {flag} --from FILE"
        raise Rejected(refused.message, hint=hint, problems=refused.problems) from refused


def restore(context: typer.Context, flag: Key, reason: Reason = "", as_json: Json = False) -> None:
    """Undo a kill: the flag answers by its rules again."""
    _act(context, flag, "restore", as_json, reason=reason)


def renew(
    context: typer.Context,
    flag: Key,
    until: Annotated[str, typer.Argument(help="Until when it is needed: 2027-01-31, or 30d from now.")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Let a flag live longer. One that expired and went back to its safe value works again."""
    _act(context, flag, "renew", as_json, expires=read_date(until), reason=reason)


def archive(context: typer.Context, flag: Key, reason: Reason = "", as_json: Json = False) -> None:
    """Take a flag away from services. They use their own default then; its history stays, and 'set' brings it back."""
    connection: Connection = context.obj
    with connection.open() as client:
        answer = client.delete(f"flags/{segment(flag)}", reason=reason)
    if as_json:
        print_json(answer)
    else:
        out.print(f"{plain(flag)} is archived: services use their own default now.")


def read_date(text: str) -> str:
    """A day or a time as it is, or ``30d`` and ``8w`` from now. Raises ``Rejected`` with these forms."""
    from croupier.adapters.manifests import Misread, read_day

    if text[-1:] in _STEPS and text[:-1].isdecimal() and len(text) <= 5:
        day = datetime.now(UTC).date() + timedelta(days=int(text[:-1]) * _STEPS[text[-1]])
        return day.isoformat()
    try:
        read_day(text)
    except Misread as misread:
        message = misread.message.replace("{written}", text)
        raise Rejected(message, hint=_FORMS if message.endswith("is no day.") else misread.hint) from None
    return text


def _until(declaration: dict[str, Any], expires: str) -> dict[str, Any]:
    kept = {name: value for name, value in declaration.items() if name not in ("expires", "expires_at")}
    return kept if expires == "never" else {**kept, "expires": read_date(expires)}


def show_change(found: dict[str, Any], as_json: bool) -> None:
    """A flag after it was changed, in one line."""
    if as_json:
        print_json(found)
        return
    end = f", until {last_day(found['expiresAt'])}" if found.get("expiresAt") else ""
    out.print(f"{plain(found['key'])} is {styled(found['standing'])} (version {found['version']}){end}")
    for warning in found.get("warnings", ()):
        note(f"warning: {warning.get('field', '')}: {warning['message']} {warning.get('hint', '')}".rstrip())


def _act(context: typer.Context, flag: str, verb: str, as_json: bool, **body: Any) -> None:
    connection: Connection = context.obj
    with connection.open() as client:
        answer = client.post(f"flags/{segment(flag)}/{verb}", body)
    show_change(answer, as_json)


def _current(client: "Client", flag: str) -> tuple[dict[str, Any] | None, int]:
    """The declaration and its version, which is 0 for an archived flag; nothing and 0 where there is no such flag."""
    try:
        found = client.get(f"flags/{segment(flag)}")
    except NotFound:
        return None, 0
    return found["declaration"], 0 if found["standing"] == "archived" else found["version"]


def _declaration(source: str, flag: str) -> dict[str, Any]:
    """The declaration out of a file of ours, or bare JSON from a pipe."""
    from croupier.adapters.manifests import read_json
    from croupier.cli.flag.declared import flags_of, read_flags
    from croupier.core.flags.write import write_flag

    if source == "-":
        try:
            found = read_json(sys.stdin.read(1_000_000))
        except (ValueError, RecursionError) as wrong:
            raise Rejected(f"Standard input holds no JSON ({wrong}).") from None
        if not isinstance(found, dict):
            raise Rejected("A declaration is a JSON object.", hint='{"feature": "payments_v2", "rules": [...]}')
        return {"feature": flag, **found}
    flags = [each for each in flags_of(read_flags([Path(source)])) if each.key == flag]
    if len(flags) != 1:
        raise Rejected(f"{source} holds {counted(len(flags), 'declaration')} of {flag}; it takes one.")
    return write_flag(flags[0])
