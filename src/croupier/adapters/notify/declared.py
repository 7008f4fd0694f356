"""The operator's file of receivers: ``kind: Notifier`` documents. Read once, when the control plane starts.

A file and no document of the API: who may name addresses that this machine sends to, and their secrets, is who runs it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from croupier.adapters.notify.secret import Secret
from croupier.control.ports import Wants
from croupier.core.rollout.notices import Kind, Patience
from croupier.errors import Rejected

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
        raise ValueError("this is no duration; write 90s, 5m or 1h")
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

    @model_validator(mode="after")
    def _say_where(self) -> "_Spec":
        if sum(item is not None for item in (self.url, self.url_file, self.url_env)) != 1:
            raise ValueError("one of url, urlFile and urlEnv says where it is")
        if self.secret_file is not None and self.secret_env is not None:
            raise ValueError("secretFile and secretEnv exclude each other")
        if self.format is Format.WEBHOOK and self.secret_file is None and self.secret_env is None:
            raise ValueError("a webhook is signed: write secretFile or secretEnv")
        return self


class _Notifier(_Shape):
    api_version: Literal["croupier/v1"]
    kind: Literal["Notifier"]
    metadata: _Metadata
    spec: _Spec


def read_notifiers(file: Path) -> list[Declared]:
    """The receivers of the file. Raises ``Rejected`` with the place of a mistake; secrets are read once to see
    that they are there.
    """
    found: list[Declared] = []
    for number, document in enumerate(_documents(file), 1):
        place = f"{file}, document {number}"
        try:
            shape = _Notifier.model_validate(document)
        except ValidationError as error:
            raise Rejected(f"{place}: {_mistake(error)}.", hint="See docs/how-to/get-alerts.md.") from None
        declared = _declared(shape, file.parent)
        if any(declared.name == other.name for other in found):
            raise Rejected(f"{place}: there is another Notifier '{declared.name}'.", hint="Give it another name.")
        try:
            declared.address()
            if declared.secret is not None:
                declared.secret.keys()
        except Rejected as rejected:
            raise Rejected(f"Notifier {declared.name}: {rejected.message}", hint=rejected.hint) from None
        found.append(declared)
    if len(found) > _MOST:
        raise Rejected(f"{file} declares {len(found)} Notifiers; {_MOST} is the limit.")
    return found


def _documents(file: Path) -> Iterator[Any]:
    try:
        text = file.read_bytes()
        if len(text) > _MOST_BYTES:
            raise Rejected(f"{file} has more than {_MOST_BYTES:,} bytes.")
        documents = list(YAML(typ="safe", pure=True).load_all(text))
    except OSError as error:
        raise Rejected(
            f"The notifiers cannot be read from {file}: {error.strerror}.", hint="See CROUPIER_NOTIFIERS_FILE."
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise Rejected(f"{file} is no YAML: {' '.join(str(error).split())[:300]}.") from None
    return (document for document in documents if document is not None)


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


def _mistake(error: ValidationError) -> str:
    """Where and what, without the value: it may be a secret."""
    mistake = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(map(str, mistake["loc"]))
    return f"{place}: {mistake['msg']}" if place else str(mistake["msg"])
