"""``croupier flag eval`` and ``flag explain``: what a flag answers somebody, and rule by rule why.

The control plane is asked or, with ``--file``, nobody: the same evaluation runs here, as it does in a service.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from croupier.cli.complete import flag_keys
from croupier.cli.connection import Connection, segment
from croupier.cli.output import Exit, Json, out, percent, plain, print_json, print_table

Key = Annotated[
    str,
    typer.Argument(help="The flag's key, for example payments_v2.", metavar="FLAG", autocompletion=flag_keys),
]
Whole = Annotated[
    str | None, typer.Option("--context", help="""The context as JSON: '{"user": "p1", "market": "DE"}'.""")
]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        "-c",
        metavar="NAME=VALUE",
        help="One attribute: market=DE, user.isEmployee=true, level:=5 for JSON. May be given several times.",
    ),
]
Environment = Annotated[
    str | None, typer.Option("--environment", "-e", help="Which environment; without it the control plane's first.")
]
Files = Annotated[
    list[Path] | None, typer.Option("--file", "-f", help="Ask the flags of these files, not a control plane's.")
]


def evaluate(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    flag: Key,
    whole: Whole = None,
    attributes: Attributes = None,
    environment: Environment = None,
    file: Files = None,
    as_json: Json = False,
) -> None:
    """Say what the flag answers in a context, and why. Leaves with 3 where there is no such flag."""
    found = _explained(context.obj, flag, (whole, attributes), environment, file)["outcome"]
    if as_json:
        print_json(found)
    else:
        _show(found)
    _end(found)


def explain(  # noqa: PLR0917 - as above
    context: typer.Context,
    flag: Key,
    whole: Whole = None,
    attributes: Attributes = None,
    environment: Environment = None,
    file: Files = None,
    as_json: Json = False,
) -> None:
    """Say rule by rule why it answers so. Shows whom each rule takes, why or why not, and the player's bucket."""
    found = _explained(context.obj, flag, (whole, attributes), environment, file)
    if as_json:
        print_json(found)
    else:
        _show(found["outcome"])
        _show_rules(found)
    _end(found["outcome"])


def _explained(
    connection: Connection,
    flag: str,
    given: tuple[str | None, list[str] | None],
    environment: str | None,
    files: list[Path] | None,
) -> dict[str, Any]:
    """The answer and how it came about, as the API words it."""
    from croupier.cli.flag.given import read_context

    context = read_context(given[0], given[1] or ())
    if files:
        return _here(flag, context, environment or "production", files)
    with connection.open() as client:
        body = {"context": context} | ({"environment": environment} if environment else {})
        found: dict[str, Any] = client.post(f"flags/{segment(flag)}/explain", body)
    return found


def _here(flag: str, context: dict[str, Any], environment: str, files: list[Path]) -> dict[str, Any]:
    from croupier.cli.flag.declared import read_flags, ruleset_of
    from croupier.core.flags.explain import Verdict
    from croupier.core.flags.explain import explain as explained
    from croupier.core.segments import BUCKETS

    found = explained(ruleset_of(read_flags(files), environment), flag, context)
    outcome = found.outcome
    answer = {
        "key": flag,
        "value": outcome.value,
        "variant": outcome.variant,
        "reason": outcome.reason.value,
        "rule": outcome.rule,
        "version": outcome.version,
        "detail": outcome.detail,
        "error": outcome.error,
        "bucket": found.bucket,
    }
    matched = {Verdict.TOOK: True, Verdict.OUTSIDE: True, Verdict.NOT_MATCHED: False}
    rules = [
        {
            "name": trace.rule,
            "condition": trace.condition,
            "matched": matched.get(trace.verdict),
            "why": trace.why,
            "rollout": trace.share / BUCKETS,
            "bucket": trace.bucket,
            "decided": trace.verdict is Verdict.TOOK,
        }
        for trace in found.rules
    ]
    requires = [
        {"flag": item.flag, "variants": list(item.variants), "found": item.found, "met": item.met}
        for item in found.requires
    ]
    return {"outcome": answer, "requires": requires, "rules": rules}


def _show(found: dict[str, Any]) -> None:
    import json

    out.print(f"[bold]{plain(found['key'])} = {plain(json.dumps(found['value'], ensure_ascii=False))}[/]")
    for name in ("variant", "reason", "rule", "bucket", "version", "detail", "error"):
        if found.get(name) not in (None, ""):
            out.print(f"{name:<10}{plain(str(found[name]))}")


def _show_rules(found: dict[str, Any]) -> None:
    for item in found["requires"]:
        wanted = " or ".join(item["variants"])
        out.print(f"needs     {plain(item['flag'])} = {plain(wanted)}: it is {plain(str(item['found']))}")
    rows = [
        (
            item["name"],
            "decided" if item["decided"] else {True: "yes", False: "no"}.get(item["matched"], "-"),
            percent(item["rollout"] * 100),
            item["condition"] or "everybody",
            item["why"],
        )
        for item in found["rules"]
    ]
    if rows:
        out.print("")
        print_table(("RULE", "MATCHED", "SHARE", "IF", "WHY"), rows)


def _end(found: dict[str, Any]) -> None:
    if found.get("error"):
        raise typer.Exit(Exit.NOT_FOUND if found["error"] == "FLAG_NOT_FOUND" else Exit.REJECTED)
