"""``croupier smoke …``: run smoke checks by hand or in CI, exactly as a rollout does."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from croupier.cli.connection import Connection, segment
from croupier.cli.output import Exit, Json, counted, note, out, plain, print_json, working
from croupier.errors import Rejected, Transient

if TYPE_CHECKING:
    from croupier.adapters.smoke import CheckRunner
    from croupier.control.ports import VersionKey
    from croupier.core.smoke import CheckResult, SmokeCheck, StepResult

app = typer.Typer(help="Run smoke checks.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def smoke() -> None:
    """Run smoke checks."""


@app.command()
def run(  # noqa: PLR0917 - a command's options are its parameters
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files or directories with SmokeChecks.", metavar="PATH…")],
    address: Annotated[
        str | None, typer.Option(help="Where the casino answers. Default: the edge of the control plane.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="With --version: the service whose version is meant.")] = None,
    version: Annotated[
        str | None, typer.Option(help="Try this version, whatever players get. Default: what everybody gets.")
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="With --version: also the versions that move as one with it now.")
    ] = False,
    check: Annotated[list[str] | None, typer.Option(help="Only this check; may be given several times.")] = None,
    secrets: Annotated[
        Path | None,
        typer.Option(envvar="CROUPIER_SECRETS_DIR", help="The folder with secrets that checks read from files."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report here.")] = None,
    reason: Annotated[str, typer.Option(help="Why a version is asked for; recorded.")] = "croupier smoke run",
    as_json: Json = False,
) -> None:
    """Run the smoke checks of files, as a rollout does. Leaves with 1 when one failed, and with 7 when one could not be
    run, which says nothing about the version.

    To try a version that players do not have, name it: --service payments --version 1.1.0. The control plane is asked
    for a token then, which takes an operator's.
    """
    from croupier.adapters.smoke import CheckRunner, SmokeSettings
    from croupier.adapters.smoke.runner import SECRET_PREFIX
    from croupier.control.ports import VersionKey

    if (service is None) != (version is None):
        raise Rejected("--service and --version belong together.", hint="Name both, or neither.")
    if together and version is None:
        raise Rejected("--together is about the versions that move with one.", hint="Name it: --service and --version.")
    checks = _checks(paths, check or [])
    token = None
    others: tuple[VersionKey, ...] = ()
    if address is None or version is not None:
        connection: Connection = context.obj
        with connection.open() as client:
            address = address or client.get("about")["edge"]
            if service is not None and version is not None:
                seconds = min(60.0 + sum(each.timeout_s for each in checks), 3600.0)
                asked = {"version": version, "seconds": seconds, "reason": reason, "together": together}
                made = client.post(f"services/{segment(service)}/version-tokens", asked)
                token = made["token"]
                others = tuple(VersionKey(*each) for each in made.get("together", {}).items())
    if token is None and any(each.command is not None for each in checks):
        note(
            "No version is named, so CROUPIER_SMOKE_TOKEN is empty and commands try what players have: a program sends "
            "no croupier-version header then. To try one version: --service NAME --version VERSION."
        )
    env = {name: value for name, value in os.environ.items() if name.startswith(SECRET_PREFIX)}
    runner = CheckRunner(SmokeSettings(str(address), env, secrets), lambda *_: token)
    results = asyncio.run(_run(runner, checks, (VersionKey(service or "", version or ""), *others), quiet=as_json))
    if junit is not None:
        junit.write_text(_as_junit(results), encoding="utf-8")
    if as_json:
        print_json(
            {"passed": all(found.passed for found in results), "results": [_as_object(each) for each in results]}
        )
    failed = [found for found in results if not found.passed]
    if failed:
        raise typer.Exit(Exit.FAILED)


async def _run(
    runner: "CheckRunner", checks: Sequence["SmokeCheck"], keys: Sequence["VersionKey"], *, quiet: bool
) -> list["CheckResult"]:
    results: list[CheckResult] = []
    for each in checks:
        if quiet:
            results.append(await _one(runner, each, keys))
            continue
        with working(f"running {each.name}"):
            found = await _one(runner, each, keys)
        results.append(found)
        _tell(found)
    await runner.stop()
    if not quiet:
        passed = sum(found.passed for found in results)
        colour = "green" if passed == len(results) else "red"
        out.print(f"[{colour}]{passed} of {counted(len(results), 'check')} passed.[/]")
    return results


async def _one(runner: "CheckRunner", check: "SmokeCheck", keys: Sequence["VersionKey"]) -> "CheckResult":
    try:
        return await runner.run(check, keys[0], keys[1:])
    except Transient as trouble:
        raise Transient(f"{check.name} could not be run: {trouble.message}", hint=trouble.hint) from None


def _checks(paths: Sequence[Path], names: Sequence[str]) -> list["SmokeCheck"]:
    from croupier.adapters.manifests import read_paths
    from croupier.cli.validate import show_problems
    from croupier.core.smoke import SmokeCheck

    bundle = read_paths(paths, partial=True)
    if bundle.errors:
        show_problems(bundle)
        raise typer.Exit(Exit.REJECTED)
    found = [item.spec for item in bundle.documents if isinstance(item.spec, SmokeCheck)]
    known = [each.name for each in found]
    if unknown := [name for name in names if name not in known]:
        raise Rejected(
            f"there is no smoke check '{unknown[0]}' here.", hint=f"There are: {', '.join(known) or 'none'}."
        )
    if not found:
        raise Rejected("there is no SmokeCheck in these files.", hint="Write one: kind: SmokeCheck.")
    return [each for each in found if not names or each.name in names]


def _tell(result: "CheckResult") -> None:
    for step in result.steps:
        said = f": {plain(step.said)}" if step.said else ""
        sign = _SIGNS[step.outcome]
        out.print(f"  {sign} {plain(step.name)} [dim]{step.seconds * 1000:.0f} ms[/]{said}")
    sign = _SIGNS[result.outcome]
    out.print(f"{sign} [bold]{plain(result.check)}[/] {result.outcome}: {plain(result.said)}")
    if result.tail and not result.passed:
        for line in result.tail.splitlines():
            out.print(f"  [dim]{plain(line)}[/]")


_SIGNS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


def _as_object(result: "CheckResult") -> dict[str, Any]:
    def step(each: "StepResult") -> dict[str, Any]:
        return {"name": each.name, "outcome": each.outcome, "said": each.said, "seconds": each.seconds}

    return {
        "check": result.check,
        "outcome": result.outcome,
        "said": result.said,
        "seconds": result.seconds,
        "steps": [step(each) for each in result.steps],
        "tail": result.tail,
    }


def _as_junit(results: Sequence["CheckResult"]) -> str:
    """A report as CI systems read it: a suite for each check, a case for each step."""
    from xml.etree import ElementTree as ET

    root = ET.Element("testsuites")
    for result in results:
        steps = result.steps or ()
        failed = sum(step.outcome == "failed" for step in steps)
        suite = ET.SubElement(
            root, "testsuite", name=result.check, tests=str(max(len(steps), 1)), time=f"{result.seconds:.3f}",
            failures=str(failed or int(not result.passed)),
        )  # fmt: skip
        for step in steps:
            case = ET.SubElement(suite, "testcase", classname=result.check, name=step.name, time=f"{step.seconds:.3f}")
            if step.outcome == "failed":
                ET.SubElement(case, "failure", message=step.said)
            elif step.outcome == "skipped":
                ET.SubElement(case, "skipped")
        if not failed and (not result.passed or not steps):
            case = ET.SubElement(suite, "testcase", classname=result.check, name=result.check)
            if not result.passed:
                ET.SubElement(case, "failure", message=result.said).text = result.tail
    return ET.tostring(root, encoding="unicode", xml_declaration=True)
