"""The operator's file of receivers: ``kind: Notifier`` documents. Read once, when the control plane starts.

A file and no document of the API: who may name addresses that this machine sends to, and their secrets, is who runs it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from croupier.adapters.notify.mistakes import Written, contradictions, shape_mistakes
from croupier.adapters.notify.secret import Secret
from croupier.control.ports import Wants
from croupier.core.rollout.notices import Kind, Patience
from croupier.errors import Problem, Rejected

_MOST_BYTES: Final = 1_048_576
_MOST: Final = 50


class Format(StrEnum):
    """How a receiver reads notices."""

    WEBHOOK = "webhook"
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Declared:
    """One receiver. ``url`` is the address, or where it is kept: a chat's address is a secret."""

    name: str
    url: str | Secret
    format: Format = Format.WEBHOOK
    secret: Secret | None = None
    wants: Wants = field(default_factory=Wants)
    ca_file: Path | None = None
    timeout_s: float = 10.0

    def address(self) -> str:
        """The URL. Raises ``Rejected``."""
        return self.url if isinstance(self.url, str) else self.url.read()


_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def _seconds(said: Any) -> Any:
    """``5m`` as seconds; what is no text is left to the shape."""
    if not isinstance(said, str):
        return said
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", said.strip())
    if found is None:
        raise ValueError("this is no duration")
    return float(found[1]) * _UNITS[found[2]]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=False)


class _Metadata(_Shape):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class _Spec(_Shape):
    format: Format = Format.WEBHOOK
    url: str | None = None
    url_file: Path | None = None
    url_env: str | None = None
    secret_file: Path | None = None
    secret_env: str | None = None
    ca_file: Path | None = None
    events: Annotated[list[Kind], Field(min_length=1)] | None = None
    services: Annotated[list[str], Field(min_length=1)] | None = None
    blind_after: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86_400)] = Patience().blind_s
    budget_used: Annotated[float, Field(gt=0, le=1)] = Patience().budget
    timeout: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=60)] = 10.0


class _Notifier(_Shape):
    api_version: Literal["croupier/v1"]
    kind: Literal["Notifier"]
    metadata: _Metadata
    spec: _Spec


def read_notifiers(file: Path) -> list[Declared]:
    """The receivers of the file. Raises ``Rejected`` with every mistake at its place; secrets are read once to see that
    they are there.
    """
    found: list[Declared] = []
    problems: list[Problem] = []
    names: set[str] = set()
    for written in _documents(file):
        try:
            shape = _Notifier.model_validate(written.data)
        except ValidationError as error:
            problems += shape_mistakes(written, _Notifier, error)
            shape = None
        wrong = tuple(contradictions(written))
        problems += wrong
        if shape is None or wrong:
            continue
        name = shape.metadata.name
        if name in names:
            hint = "Give it another name."
            problems.append(written.problem(f"there is another Notifier '{name}'.", ("metadata", "name"), hint))
        names.add(name)
        declared = _declared(shape, file.parent)
        problems += _absent(written, declared)
        found.append(declared)
    if problems:
        said = f"are wrong: {problems[0]}" if len(problems) == 1 else f"have {len(problems)} mistakes."
        hint = "See docs/how-to/get-alerts.md."
        raise Rejected(f"The notifiers {said}", hint=hint, problems=tuple(problems))
    if len(found) > _MOST:
        raise Rejected(f"{file} declares {len(found)} Notifiers; {_MOST} is the limit.")
    return found


def unencrypted(declared: Declared) -> str | None:
    """The host that is told by plain HTTP over a network, which anybody on the way can read; ``None`` where none is."""
    try:
        parts = urlsplit(declared.address())
    except ValueError:
        return None  # the first try says what is wrong with it
    host = parts.hostname or ""
    if parts.scheme != "http" or host == "localhost":
        return None
    try:
        return None if ip_address(host).is_loopback else host
    except ValueError:
        return host


def _absent(written: Written, declared: Declared) -> Iterator[Problem]:
    """Addresses and secrets that are not where the file says."""
    spec = written.data["spec"]
    for what, look in (("url", declared.address), ("secret", declared.secret.keys if declared.secret else None)):
        try:
            if look is not None:
                look()
        except Rejected as rejected:
            name = next((name for name in (f"{what}File", f"{what}Env") if name in spec), what)
            yield written.problem(rejected.message, ("spec", name), rejected.hint)


def _documents(file: Path) -> Iterator[Written]:
    try:
        text = file.read_bytes()
        if len(text) > _MOST_BYTES:
            raise Rejected(f"{file} has more than {_MOST_BYTES:,} bytes.")
        documents = list(YAML(typ="safe", pure=True).load_all(text))
        nodes = list(YAML(typ="safe", pure=True).compose_all(text))
    except OSError as error:
        raise Rejected(
            f"The notifiers cannot be read from {file}: {error.strerror}.", hint="See CROUPIER_NOTIFIERS_FILE."
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise Rejected(f"{file} is no YAML: {' '.join(str(error).split())[:300]}.") from None
    both = zip(documents, nodes, strict=False)  # of an empty text there is no node
    return (Written(str(file), document, node) for document, node in both if document is not None)


def _declared(shape: _Notifier, folder: Path) -> Declared:
    spec = shape.spec
    secret = _secret(spec.secret_file, spec.secret_env, folder)
    kinds = frozenset(spec.events) if spec.events else frozenset(Kind)
    return Declared(
        name=shape.metadata.name,
        url=spec.url or _secret(spec.url_file, spec.url_env, folder) or "",
        format=spec.format,
        secret=secret,
        wants=Wants(kinds | {Kind.TEST}, frozenset(spec.services or ()), Patience(spec.blind_after, spec.budget_used)),
        ca_file=folder / spec.ca_file if spec.ca_file else None,
        timeout_s=spec.timeout,
    )


def _secret(file: Path | None, variable: str | None, folder: Path) -> Secret | None:
    return Secret(folder / file if file else None, variable) if file or variable else None
