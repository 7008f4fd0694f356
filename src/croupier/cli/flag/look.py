"""``croupier flag list|show|history``: what there is, and what happened to it."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.flag.answers import Key
from croupier.cli.output import Json, last_day, note, out, plain, print_json, print_table, styled, when
from croupier.core.flags.model import FlagType

if TYPE_CHECKING:
    from croupier.cli.client import Client

Standing: TypeAlias = Literal["live", "disabled", "killed", "reverted", "archived"]


def list_(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Only those with this in key, description or owner.")] = None,
    kind: Annotated[FlagType | None, typer.Option("--type", help="Only of this type.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    state: Annotated[Standing | None, typer.Option(help="Only in this state; without it, all but archived.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at the most.")] = 100,
    as_json: Json = False,
) -> None:
    """Flags by key: their state, what they are for, and until when."""
    connection: Connection = context.obj
    filters = {"q": search, "type": kind and kind.value, "tag": tag, "state": state}
    with connection.open() as client:
        flags = client.pages("flags", limit, **filters)
        if not flags:
            note(_none(client, filters))
    if as_json:
        print_json(flags)
        return
    rows = [
        (
            item["key"],
            item["type"],
            item["standing"],
            serves(item),
            item["owner"],
            last_day(item["expiresAt"]),
        )
        for item in flags
    ]
    print_table(("FLAG", "TYPE", "STATE", "SERVES", "OWNER", "EXPIRES"), rows)
    if len(flags) == limit:
        note(f"These are the first {limit}; --limit shows more.")


def show(context: typer.Context, flag: Key, as_json: Json = False) -> None:
    """One flag: state, rules, owner and expiry."""
    connection: Connection = context.obj
    with connection.open() as client:
        found = client.get(f"flags/{segment(flag)}")
    if as_json:
        print_json(found)
        return
    declaration = found["declaration"]
    out.print(f"[bold]{plain(found['key'])}[/] is {styled(found['standing'])}  {plain(found['description'])}")
    for killed in found["kills"]:
        out.print(f"killed    {when(killed['at'])} by {plain(killed['actor'])}: {plain(killed['reason'])}")
    out.print(f"type      {plain(found['type'])}")
    out.print(f"owner     {plain(found['owner'] or '-')}")
    out.print(f"expires   {last_day(found['expiresAt'])}")
    if needed := found["requiredBy"]:
        out.print(f"needed by {plain(', '.join(needed))}")
    out.print(f"version   {found['version']}, changed {when(found['changedAt'])} by {plain(found['changedBy'])}")
    for name in ("variants", "default", "off", "safe", "prerequisites", "bucketing", "tags"):
        if name in declaration:
            out.print(f"{name:<10}{plain(json.dumps(declaration[name], ensure_ascii=False))}")
    _show_targeting("", declaration)
    for name, override in declaration.get("environments", {}).items():
        _show_targeting(name, override)


def history(context: typer.Context, flag: Key, as_json: Json = False) -> None:
    """What happened to a flag, by whom and why."""
    connection: Connection = context.obj
    with connection.open() as client:
        events = client.pages(f"flags/{segment(flag)}/history", 10_000)[::-1]
    if as_json:
        print_json(events)
        return
    rows = [
        (when(item["at"]), item["type"], item["actor"], item["reason"], "; ".join(item["changes"])) for item in events
    ]
    print_table(("TIME", "EVENT", "BY", "WHY", "WHAT"), rows)


def serves(flag: dict[str, Any]) -> str:
    """In a few words who gets what."""
    from croupier.core.flags.read import read_flag
    from croupier.server.web.flags.words import audience

    if flag["standing"] != "live":
        return "the safe value" if flag["standing"] in ("killed", "reverted") else "-"
    declared = read_flag({name: value for name, value in flag["declaration"].items() if name != "expires"})
    return audience(declared, declared.in_environment(None)).replace("\u202f", " ")


def _show_targeting(environment: str, there: dict[str, Any]) -> None:
    if environment:
        out.print(f"[bold]{plain(environment)}[/]")
    if "enabled" in there:
        out.print(f"enabled   {'yes' if there['enabled'] else 'no'}")
    if environment and "default" in there:
        out.print(f"default   {plain(str(there['default']))}")
    if there.get("rules") == []:
        out.print("rules     none: everybody gets the default")
    for index, rule in enumerate(there.get("rules", []), 1):
        variants = rule.get("variants") or rule.get("variant") or "on"
        gets = variants if isinstance(variants, str) else json.dumps(variants, ensure_ascii=False)
        share = f"{rule.get('rollout', 1.0) * 100:g} %"
        name = f" ({plain(rule['name'])})" if rule.get("name") else ""
        out.print(f"rule {index:<5}{share} of {plain(rule.get('if') or 'everybody')} → {plain(gets)}{name}")


def _none(client: "Client", filters: dict[str, Any]) -> str:
    """Why the list is empty."""
    if any(filters.values()) and client.get("flags", limit=1)["items"]:
        return "No flag is like that. See all: croupier flag list"
    return "No flags yet. Declare one: croupier flag set payments_v2 --rollout 25%"
