"""Writes the reference pages that follow from code: commands, API, file formats, states, settings, SDK.

Called by `make docs`; `make check` calls it with --check, which changes nothing and fails when a page is stale. A page
is one function in PAGES, which returns the texts of its files by path below docs/reference.
"""

import argparse
import enum
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs/reference"
NOTICE = "<!-- Written by scripts/generate_docs.py from {source}; change that and run `make docs`. -->\n\n"

Files = dict[str, str]
Schema = Mapping[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a page is stale")
    check = parser.parse_args().check

    wanted = {REFERENCE / name: text for page in PAGES for name, text in page().items()}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    # A schema whose kind is gone would be served on.
    stray = [path for path in (REFERENCE / "schemas").glob("*.json") if path not in wanted]
    if check:
        for path in (*stale, *stray):
            print(f"{path.relative_to(ROOT)} is stale: run `make docs` and commit it.", file=sys.stderr)
        return 1 if stale or stray else 0
    for path in stray:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def states() -> Files:
    """The rollout's state machine, drawn from its table."""
    from croupier.core.rollout import machine
    from croupier.core.rollout.phase import Phase

    lines = [f"    [*] --> {next(iter(machine.MOVES))}"]
    for phase, moves in machine.MOVES.items():
        targets: dict[Phase, list[str]] = {}
        for event, target in moves.items():
            if target is not None:
                targets.setdefault(target, []).append(event)
        lines += [f"    {phase} --> {target}: {' / '.join(events)}" for target, events in targets.items()]
        if not moves:
            lines.append(f"    {phase} --> [*]")
    diagram = "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])

    prose = (machine.__doc__ or "").partition("In prose: ")[2].partition("\n\n")[0].replace("\n", " ")
    phases = [phase for phase, moves in machine.MOVES.items() if moves]
    events = list(dict.fromkeys(event for moves in machine.MOVES.values() for event in moves))
    rows = ((f"`{event}`", *(_move(machine.MOVES[phase], event) for phase in phases)) for event in events)
    text = (
        "# States of a rollout\n\n"
        f"{prose[:1].upper()}{prose[1:]}\n\n"
        f"{diagram}\n\n"
        "Which event leads where, by phase. An empty cell cannot happen: a history that holds it is refused as corrupt."
        f"\n\n{_table(('event', *phases), rows)}"
    )
    return {"states.md": NOTICE.format(source="croupier.core.rollout.machine") + text}


def _move(moves: Mapping[str, str | None], event: str) -> str:
    """A cell of the table of states."""
    return (moves[event] or "stays") if event in moves else ""


def commands() -> Files:
    """Every verb of the command line with its arguments and options."""
    import typer.main
    from typer.cli import get_docs_for_click

    from croupier.cli.app import app

    command = typer.main.get_command(app)
    for each in _below(command):
        # Lists of commands show the whole first sentence; the default is cut at 45 characters.
        each.short_help = each.short_help or (each.help or "").partition("\n\n")[0].partition(". ")[0].rstrip(".") + "."
    context = typer.Context(command, info_name="croupier")
    text = get_docs_for_click(obj=command, ctx=context, name="croupier", title="Command line")
    return {"cli.md": NOTICE.format(source="croupier.cli") + text.strip() + "\n"}


def _below(command: Any) -> Iterator[Any]:
    for inner in getattr(command, "commands", {}).values():
        yield inner
        yield from _below(inner)


def exit_codes() -> Files:
    """What a script learns from the exit code."""
    from croupier.cli.output import Exit

    meanings = {
        Exit.OK: "It was done, or was so already.",
        Exit.FAILED: "It failed for another reason than those below, or what was checked does not hold.",
        Exit.USAGE: "The command line is wrong; `--help` shows what is possible.",
        Exit.NOT_FOUND: "What was named does not exist.",
        Exit.CONFLICT: "Somebody else changed it in between, or it exists with other content. Look again.",
        Exit.REJECTED: "It cannot be done as asked. The message says what to do instead; trying again will not help.",
        Exit.DENIED: "The token is missing or wrong, or may not do this.",
        Exit.UNREACHABLE: "Something outside did not answer: the control plane, or what it needs. Try again later.",
        Exit.ABORTED: "The rollout that was waited for did not succeed: it was aborted or superseded.",
        Exit.UNRECORDED: "A flag's kill is in force, but the store is out of reach: the record follows by itself. "
        "An abort or undo of which that is true leaves with 0, and says so.",
    }
    rows = ((f"{code:d}", code.name.lower().replace("_", " "), meanings[code]) for code in Exit)
    text = f"# Exit codes\n\nThe same for every command.\n\n{_table(('code', 'name', 'meaning'), rows)}"
    return {"exit-codes.md": NOTICE.format(source="croupier.cli.output") + text}


def files() -> Files:
    """Each kind of document as a JSON Schema for editors, and all of them as tables for people."""
    from croupier.adapters.manifests import schemas

    text = (
        "# Files\n\n"
        "What `croupier validate` and `croupier apply` read: YAML or JSON files with any number of documents, of these "
        "kinds. Fields that are not listed are refused.\n\n"
        "The schemas complete and check while you write: give your editor's YAML support "
        "[document.json](schemas/document.json) for files with documents of any kind, or the one of a kind.\n"
    )
    written: Files = {}
    for stem, schema in schemas().items():
        written[f"schemas/{stem}.json"] = _json(schema)
        if rows := list(_fields(schema, schema, "")):
            about = f"{schema.get('description', '')} Schema: [{stem}.json](schemas/{stem}.json)."
            text += f"\n## {schema['title']}\n\n{about}\n\n{_table(('field', '', 'meaning'), rows)}"
    return {**written, "files.md": NOTICE.format(source="croupier.adapters.manifests") + text}


def _fields(root: Schema, schema: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    """A row per field, in the order of the schema: its path, whether it must be there, its description."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        inner, place = _inside(root, field), f"{path}{name}"
        if inner.get("type") == "array":
            inner, place = _inside(root, inner.get("items", {})), f"{place}[]"
        if "const" in inner and not field.get("description"):
            meaning = f"Always `{inner['const']}`."
        else:
            meaning = " ".join(str(field.get("description", "")).split())
        if meaning or "properties" not in inner:
            yield f"`{place}`", "required" if name in required else "", meaning
        if "properties" in inner:
            yield from _fields(root, inner, f"{place}.")


def _inside(root: Schema, field: Schema) -> Schema:
    """The schema behind a reference, behind "this or nothing", or behind a mapping and what may be written in short."""
    if "$ref" in field:
        found: Schema = root["$defs"][field["$ref"].rpartition("/")[2]]
        return found
    choices = [choice for choice in field.get("anyOf", ()) if choice.get("type") != "null"]
    mappings = choices if len(choices) == 1 else [choice for choice in choices if "$ref" in choice]
    return _inside(root, mappings[0]) if len(mappings) == 1 else field


def settings() -> Files:
    """Each setting of the control plane with its environment variable and default."""
    from croupier.server.settings import Settings

    prefix = str(Settings.model_config.get("env_prefix", "")).upper()
    rows = (
        (
            f"`{prefix}{name.upper()}`",
            "required" if field.is_required() else _default(field),
            " ".join((field.description or "").split()),
        )
        for name, field in Settings.model_fields.items()
    )
    text = (
        "# Settings\n\n"
        "Read once, when `croupier serve` starts, from environment variables; options of the command line win.\n\n"
        f"{_table(('variable', 'default', 'meaning'), rows)}"
    )
    return {"settings.md": NOTICE.format(source="croupier.server.settings") + text}


def api() -> Files:
    """The API as OpenAPI 3.1 for machines, and its operations as tables for people."""
    from croupier.server.app import openapi
    from croupier.server.problems import SLUGS

    description = openapi()
    text = (
        "# API\n\n"
        "All of it, with the shapes of requests and answers: [openapi.json](openapi.json), "
        f"OpenAPI {description['openapi']}.\n"
    )
    by_tag: dict[str, list[Iterable[str]]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            tag = next(iter(operation.get("tags", ())), "server")
            meaning = " ".join(operation.get("description", "").split())
            row = (f"`{method.upper()} {path}`", operation.get("summary", ""), meaning)
            by_tag.setdefault(tag, []).append(row)
    for tag, rows in by_tag.items():
        text += f"\n## {tag.capitalize()}\n\n{_table(('request', '', 'what it does'), rows)}"
    text += (
        "\n## Problems\n\n"
        "Errors are problem documents (RFC 9457, `application/problem+json`). Their `type` is for programs and never "
        f"changes: `urn:croupier:problem:` and one of {', '.join(f'`{slug}`' for slug in SLUGS)}.\n"
    )
    return {
        "openapi.json": _json(description),
        "api.md": NOTICE.format(source="croupier.server.app") + text,
    }


def sdk() -> Files:
    """What applications import, from signatures and docstrings."""
    text = (
        "# Python SDK\n\n"
        "What is public; anything else may change with any version. How to use it: "
        "[in your code](../how-to/use-flags.md), [through OpenFeature](../how-to/use-flags-with-openfeature.md).\n"
    )
    for name in ("croupier.sdk", "croupier.sdk.openfeature", "croupier.sdk.visitors"):
        module = importlib.import_module(name)
        text += f"\n## {name}\n"
        # The client first, then by name.
        for thing in sorted(module.__all__, key=lambda each: (each != "FlagClient", each)):
            found = getattr(module, thing)
            text += f"\n### {thing}\n\n{_signed(thing, found)}{_prose(found)}"
            if thing in _ASKED:
                text += _members(thing, found)
    return {"sdk.md": NOTICE.format(source="croupier.sdk") + text}


_ASKED = ("FlagClient", "Details", "Visitors")
"""Classes whose members applications use; of the others it is enough that they can be made."""


def _members(name: str, found: type) -> str:
    """Attributes as a table, methods one by one."""
    public = {each: value for each, value in vars(found).items() if not each.startswith("_") and value.__doc__}
    values = {each: value for each, value in public.items() if isinstance(value, property)}
    rows = [(f"`{each}`", " ".join(_prose(value).split())) for each, value in values.items()]
    text = f"\n{_table(('attribute', ''), rows)}" if rows else ""
    for each, value in public.items():
        function = getattr(value, "__func__", value)
        if inspect.isfunction(function):
            text += f"\n#### {name}.{each}\n\n{_signed(each, function)}{_prose(value)}"
    return text


def _signed(name: str, found: Any) -> str:
    """The signature as people write it; of an enum, its words."""
    if inspect.isclass(found) and issubclass(found, enum.Enum):
        return ", ".join(f"`{each.value}`" for each in found) + "\n\n"
    written = str(inspect.signature(found)).replace("PosixPath('.')", "DEFAULT_CACHE").replace("+T_co", "T")
    written = re.sub(r"mappingproxy\(\{\}\)", "{}", re.sub(r"<built-in function (\w+)>", r"\1", written))
    # Types without their modules.
    written = re.sub(r"(?<!['\w.])[a-z_]+(?:\.[a-z_]+)*\.(?=[A-Za-z])", "", written)
    inner, _, gives = written.removeprefix("(").rpartition(") -> ")
    parts = [part for part in re.split(r", (?![^\[(]*[\])])", inner) if part not in ("self", "cls")]
    joined = ", ".join(parts)
    if len(name) + len(joined) + len(gives) > 100:
        joined = "\n" + "".join(f"    {part},\n" for part in parts)
    made = "" if inspect.isclass(found) else f" -> {gives}"
    return f"```python\n{name}({joined}){made}\n```\n\n"


def _prose(found: Any) -> str:
    return (inspect.getdoc(found) or "").replace("``", "`") + "\n"


def ready_gates() -> Files:
    """Every ready-made gate, written out."""
    from croupier.adapters.manifests.ready import as_text, spelled_out
    from croupier.core.gates.ready import READY

    rows = (
        (f"[`{each.name}`](#{each.name})", f"`{each.gate.sli.metric}`", each.counted_by, each.gate.description)
        for each in READY
    )
    text = (
        "# Ready-made gates\n\n"
        "What casinos ask of a release again and again. A gate names one by `sli: {ready: NAME}` and writes only what "
        "it wants differently: `metric`, `good`, `total`, `match` and `threshold` beside the name (`ready: {name: "
        "NAME, metric: ...}`), anything else in its own fields. `croupier gate catalog` lists them. Metrics and labels "
        "are those of the example casino.\n\n"
        f"{_table(('ready', 'metric', 'counted by', 'protects'), rows)}"
    )
    for each in READY:
        text += f"\n## {each.name}\n\n{each.gate.description} Counts: {each.meaning}.\n\n"
        text += f"```yaml\n{as_text(spelled_out(each.gate))}```\n"
    return {"ready-gates.md": NOTICE.format(source="croupier.core.gates.ready") + text}


def profiles() -> Files:
    """Every profile's file, and the reason of each of its defaults."""
    from croupier.adapters.manifests.profiles import plain_data, profile_file
    from croupier.adapters.manifests.schemas import profile_schema
    from croupier.adapters.manifests.words import PROFILES
    from croupier.core.rollout.profile.gate_fields import FIELDS

    found = [profile_file(name) for name in PROFILES]
    rows = ((f"[`{each.profile.name}`](#{each.profile.name})", each.about) for each in found)
    text = (
        "# Profiles\n\n"
        "What is usual for the releases of a domain. A rollout names one by `profile: NAME`, may be stricter in "
        "anything, and needs an approval where it is less careful: see "
        "[Choose a profile](../how-to/choose-a-profile.md). "
        "`croupier profile show NAME` prints one; "
        "[schemas/profile.json](schemas/profile.json) is the schema of these files.\n\n"
        f"{_table(('profile', 'for'), rows)}"
    )
    for each in found:
        data = plain_data(each.text)
        default = {key: value for key, value in data.items() if key not in ("profile", "about", "why")}
        known = ((f"`{key}`", f"`{_flow(default[key])}`", why) for key, why in each.why)
        text += f"\n## {each.profile.name}\n\n{each.about}\n\n{_table(('field', 'default', 'why'), known)}"
    directions = ((f"`{field.name}`", field.bound.value) for field in FIELDS)
    text += (
        "\n## Which way is stricter\n\n"
        "A gate is as strict as the profile's where each of its numbers is so, compared with the profile's.\n\n"
        f"{_table(('field', 'as strict where it is'), directions)}"
    )
    page = NOTICE.format(source="croupier.adapters.manifests.profiles") + text
    return {"profiles.md": page, "schemas/profile.json": _json(profile_schema())}


def _flow(value: Any) -> str:
    """Plain data as YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(map(_flow, value)) + "]" if isinstance(value, list) else str(value)


def limits() -> Files:
    """What is taken at the most, from the constants that refuse more."""
    from croupier.adapters.manifests import bare, tree
    from croupier.adapters.manifests import files as sources
    from croupier.adapters.metrics.embedded.settings import MetricSettings
    from croupier.adapters.store.sql import append, commit, samples
    from croupier.adapters.workloads.process import command
    from croupier.control.flags import book, steps
    from croupier.core.flags import check, preset, requirements
    from croupier.core.flags.cel import parser, regexes
    from croupier.core.gates import recordable
    from croupier.core.gates.sequential import trials
    from croupier.core.rollout import prove
    from croupier.server import guards
    from croupier.server.api import flag_intake
    from croupier.server.web import session

    scraped = MetricSettings()
    tables: dict[str, list[tuple[str, str]]] = {
        "Files": [
            ("a YAML file", _size(sources.MAX_FILE_BYTES)),
            ("a JSON file of flags", _size(sources.MAX_JSON_BYTES)),
            ("files at a time", f"{sources.MAX_FILES:,}, {_size(sources.MAX_TOTAL_BYTES)} in all"),
            ("entries of directories looked at", f"{sources.MAX_ENTRIES:,}"),
            ("documents at a time", f"{tree.MAX_DOCUMENTS:,}"),
            ("flags alone at a time", f"{bare.MAX_FLAGS:,}"),
            ("values in a file, aliases included", f"{tree.MAX_VALUES:,}, nested {tree.MAX_DEPTH} deep"),
            ("instances of a version", f"{command.MOST_INSTANCES}"),
        ],
        "Flags": [
            ("a declaration, as compact JSON", _size(check.LARGEST)),
            *((f"{name} of a flag", f"{most:,}") for name, most in flag_intake.MOST.items()),
            ("flags that are asked for one answer", f"{requirements.MOST}"),
            ("flags that require one another in a row", f"{requirements.DEEPEST}"),
            ("a condition", f"{parser.MAX_CHARACTERS:,} characters, {parser.MAX_NODES} parts, {parser.MAX_DEPTH} deep"),
            ("a pattern of `matches`", f"{regexes.MAX_PATTERN:,} characters"),
            ("changes of a preset", f"{preset.MOST_CHANGES:,}"),
            ("a change on a client's stream; a larger one is fetched", _size(book.MOST_BYTES)),
            ("changes that a client may have missed; of more it fetches all", f"{steps.MOST_KEYS:,}"),
        ],
        "Gates": [
            ("groups with tests of their own (sequential); others count in the whole", f"{trials._MOST_GROUPS}"),  # noqa: SLF001 - nobody else asks
            ("groups in one reading; the largest are kept", f"{scraped.groups}"),
            ("series of one instance that gates ask for (embedded)", f"{scraped.series_per_target:,}"),
            ("metric families that are kept (embedded)", f"{scraped.families}"),
            ("a metrics page", _size(scraped.page_bytes)),
            ("looks in which a gate must turn red to be proven", f"{prove.MOST_LOOKS:,}"),
            ("a count", f"{recordable.LARGEST:,} (2^53 - 1)"),
        ],
        "API and page": [
            ("a body, and many flags at once", "`CROUPIER_MAX_BODY_BYTES`, `CROUPIER_MAX_FLAGS_BYTES`"),
            ("items of a page of a listing", "200"),
            ("an idempotency key", f"200 characters; its answer is kept for {commit.ANSWERS_KEPT_S / 3600:g} hours"),
            ("a request", "`CROUPIER_REQUEST_TIMEOUT_S`"),
            (f"`{'`, `'.join(guards.LONG)}`", f"{guards.LONGER} times as long"),
            ("a session at the page", f"{session.LONGEST_S / 3600:g} h, {session.IDLE_S / 3600:g} h without a request"),
        ],
        "Record": [
            ("an entry of the journal", _size(append.MOST_BYTES)),
            ("points of charts that are kept; the oldest go", f"{samples.MOST_SAMPLES:,}"),
        ],
    }  # fmt: skip
    text = "# Limits\n\nMore than this is refused, or treated as said. What can be set is in [settings](settings.md).\n"
    for title, rows in tables.items():
        text += f"\n## {title}\n\n{_table(('what', 'at the most'), rows)}"
    return {"limits.md": NOTICE.format(source="the constants that hold them") + text}


def _size(count: int) -> str:
    """Bytes as people say them."""
    for unit, shift in (("MiB", 20), ("KiB", 10)):
        if count >= 1 << shift and count % (1 << shift) == 0:
            return f"{count >> shift} {unit}"
    return f"{count:,} bytes"


PAGES: tuple[Callable[[], Files], ...] = (
    states,
    commands,
    exit_codes,
    api,
    files,
    ready_gates,
    profiles,
    settings,
    sdk,
    limits,
)


def _default(field: Any) -> str:
    """The default as one would write it into the environment; nothing where there is none to write."""
    if field.default_factory is not None:
        return "depends on the machine"
    value = field.default
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, tuple):
        value = ",".join(value)
    return f"`{value}`" if value not in (None, "", ()) else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    head = tuple(head)
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
