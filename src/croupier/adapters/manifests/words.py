"""How people write words: texts, versions, names, labels, paths.

Takes what YAML or JSON held and returns the text as the core has it, or raises ``Misread``. Called by the fields.
"""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

from semver import Version

from croupier.adapters.manifests.misread import Misread, described, quoted
from croupier.core.gates.ready import BY_NAME
from croupier.core.releases.affinity import HOLE

LONGEST_TEXT: Final = 16_384
"""Characters of one value."""

RESORTS: Final = ("hold", "pause", "abort")
"""What a rollout may do about a gate that cannot decide."""

SEGMENT_FAILS: Final = ("hold", "abort")
"""What a gate that judges a segment alone may do when it fails."""

APPROVERS: Final = ("operator", "admin")
"""Roles whose people may approve of a rollout."""

PROFILES: Final = ("auth", "payments", "game-gateway", "promo", "rng", "generic")
"""Domains with defaults of their own."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GATE_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_METRIC: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:.]*")
_PARAMETER: Final = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


def text(value: object) -> str:
    """Any text that holds something.

    Numbers and truth values are refused, since YAML drops what was written (1.10 is 1.1).
    """
    if isinstance(value, bool | int | float):
        raise Misread(f"expected text, found {described(value)}.", 'Put it in quotes: "{written}".')
    if not isinstance(value, str):
        raise Misread(f"expected text, found {described(value)}.")
    if not value.strip():
        raise Misread("expected text, found an empty one.")
    if "\0" in value:
        raise Misread("a text cannot hold the character NUL.", "Remove it.")
    if len(value) > LONGEST_TEXT:
        raise Misread(f"this text is too long: {len(value)} characters, at most {LONGEST_TEXT}.", "Write less.")
    return value


def any_text(value: object) -> str:
    """Text that may be empty, such as an environment variable's value."""
    return "" if value == "" else text(value)


def version(value: object) -> str:
    """A strict Semantic Version 2.0. Moving names such as ``latest`` are refused, since a release never changes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        full = "{written}.0" if isinstance(value, float) else "{written}.0.0"
        raise Misread(
            f"expected a version, found {described(value)}; YAML reads 1.10 as 1.1.", f"Write all three parts: {full}."
        )
    if not isinstance(value, str) or len(value) > 100:
        raise Misread(f"expected a version, found {described(value)}.", "Write for example 1.4.0.")
    if Version.is_valid(value):
        return value
    raise Misread(*_version_advice(value))


def _version_advice(value: str) -> tuple[str, str]:
    bare = value[1:] if value[:1] in ("v", "V") else value
    if Version.is_valid(bare):
        return f"'{value}' is a tag, not a version.", f"Write {bare}."
    if parts := re.fullmatch(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?([-+][0-9A-Za-z.+-]+)?", bare):
        numbers = ".".join(str(int(part or "0")) for part in parts.groups()[:3])
        full = numbers + (parts[4] or "")
        if Version.is_valid(full):
            return f"'{value}' is no full version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH).", f"Write {full}."
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_/-]*", value):
        return (
            f"'{value}' is a name that moves; a release never changes.",
            "Write the version itself, for example 1.4.0.",
        )
    return f"'{value}' is no version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH).", "Write for example 1.4.0."


def name(value: object) -> str:
    """The name of a document: lower case letters, digits, ``-`` and ``.``, at most 63 characters, as Kubernetes has
    them.
    """
    found = text(value)
    if len(found) > 63:
        raise Misread(f"a name has at most 63 characters, this one has {len(found)}.")
    if not _NAME.fullmatch(found):
        better = re.sub(r"[^a-z0-9.-]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", found).lower()).strip("-.")
        raise Misread(
            f"{quoted(found)} is no name: use a-z, 0-9, '-' and '.', with a letter or digit at both ends.",
            f"Write {better}." if _NAME.fullmatch(better) else "Write for example deposit-slo.",
        )
    return found


def label(value: object) -> str:
    """A metric's label, or an attribute with dots. ``version`` is refused: the control plane asks for each version by
    itself.
    """
    found = text(value)
    if not _GATE_LABEL.fullmatch(found):
        raise Misread(f"{quoted(found)} is no label: use letters, digits and '_', not starting with a digit.")
    if found == "version":
        raise Misread("the versions are told apart by Croupier itself.", "Remove 'version'.")
    return found


def metric(value: object) -> str:
    """The name of a metric, as Prometheus or (with dots) as OpenTelemetry has it."""
    found = text(value)
    if not _METRIC.fullmatch(found):
        hint = "Write the name only; labels go into 'match', 'total' or 'good'." if "{" in found or "(" in found else ""
        raise Misread(f"{quoted(found)} is no metric name: use letters, digits, '_' and ':'.", hint)
    return found


def ready(value: object) -> str:
    """The name of a ready-made gate."""
    found = text(value)
    if found not in BY_NAME:
        near = get_close_matches(found[:100], list(BY_NAME), n=1)
        guess = f"; did you mean '{near[0]}'?" if near else "."
        raise Misread(f"there is no ready-made gate {quoted(found)}{guess}", f"There are: {', '.join(BY_NAME)}.")
    return found


def attribute(value: object) -> str:
    """An attribute of players, such as ``market``."""
    found = text(value)
    if not _LABEL.fullmatch(found):
        raise Misread(f"{quoted(found)} is no attribute: use letters, digits and '_', not starting with a digit.")
    return found


def url_path(value: object) -> str:
    """An absolute path without query: ``/healthz``."""
    found = text(value)
    if not found.startswith("/"):
        raise Misread(f"{quoted(found)} is no path.", f"Write {quoted('/' + found.removeprefix('./'))[1:-1]}.")
    if not _PATH.fullmatch(found) or any(part in (".", "..") for part in found.split("/")) or len(found) > 500:
        raise Misread(f"{quoted(found)} is no plain path: no '..', query, fragment or spaces.")
    return found


def prefix(value: object) -> str:
    """A path prefix that requests are routed by: ``/payments``, without a slash at its end; ``/`` is everything."""
    found = url_path(value)
    if found != "/" and (found.endswith("/") or "//" in found):
        better = "/" + "/".join(part for part in found.split("/") if part)
        raise Misread(f"{quoted(found)} has a slash too many.", f"Write {better}.")
    return found


def id_path(value: object) -> str:
    """A path that carries an id: ``/callbacks/psp/{id}``, with ``{id}`` as one whole segment of it."""
    found = text(value)
    before, hole, behind = found.partition(HOLE)
    if not hole or HOLE in behind or not before.endswith("/") or (behind and not behind.startswith("/")):
        raise Misread(
            f"{quoted(found)} does not say where the id is: '{HOLE}' has to be one whole part of the path.",
            f"Write for example /callbacks/psp/{HOLE}.",
        )
    prefix(f"{before}id{behind}")
    return found


def parameter(value: object) -> str:
    """The name of a parameter in the query; upper and lower case differ."""
    found = text(value)
    if not _PARAMETER.fullmatch(found):
        raise Misread(
            f"{quoted(found)} is no plain name of a query parameter: use letters, digits and . _ ~ -.",
            "Write for example order.",
        )
    return found


def variable(value: object) -> str:
    """The name of an environment variable."""
    found = text(value)
    if not _LABEL.fullmatch(found):
        raise Misread(f"{quoted(found)} is no name of an environment variable.", "Write for example LOG_LEVEL.")
    return found


def resort(value: object) -> str:
    """One of ``RESORTS``."""
    if isinstance(value, str) and value in RESORTS:
        return value
    raise Misread(f"expected hold, pause or abort, found {described(value)}.", "Write for example pause.")


def segment_fail(value: object) -> str:
    """One of ``SEGMENT_FAILS``."""
    if isinstance(value, str) and value in SEGMENT_FAILS:
        return value
    raise Misread(
        f"expected hold or abort, found {described(value)}.", "hold takes this segment back, abort everybody."
    )


def approver(value: object) -> str:
    """Whose approval may be asked for."""
    return _one_of(value, APPROVERS, "role that may approve")


def profile(value: object) -> str:
    """A domain's name."""
    return _one_of(value, PROFILES, "profile")


def _one_of(value: object, known: Collection[str], what: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    near = get_close_matches(str(value)[:100], known, n=1)
    guess = f"; did you mean '{near[0]}'?" if near else "."
    raise Misread(f"'{{written}}' is no {what}{guess}", f"Write one of {', '.join(known)}.")
