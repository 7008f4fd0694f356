"""The core's dataclasses as JSON text and back, for the columns of the store and the events of the journal.

Old records must be readable for ever: a field that this version does not know is left out, a field that an old record
lacks gets its default, and what still cannot be read is ``Corrupt``. Infinity and NaN are no JSON: ``Rejected``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Generic, TypeVar

import rfc8785
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from croupier.control.ports import Bookmark, Document, ServiceState, Spec
from croupier.core.experiments import Experiment
from croupier.core.gates import Gate
from croupier.core.governance.calendar.model import Calendar
from croupier.core.releases import Release, Service
from croupier.core.rollout.events import Event
from croupier.core.rollout.spec import RolloutSpec
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import Segment
from croupier.core.smoke import SmokeCheck
from croupier.errors import Corrupt, Rejected

T = TypeVar("T")


class Codec(Generic[T]):
    """Writes and reads one type. The text is canonical JSON (RFC 8785), so equal values have equal texts."""

    def __init__(self, name: str, adapter: TypeAdapter[T]) -> None:
        self._name = name
        self._adapter = adapter

    def dump(self, value: T) -> dict[str, Any]:
        """The value as a JSON object. Numbers are not checked here: ``canonical`` does."""
        dumped: dict[str, Any] = self._adapter.dump_python(value, mode="json")
        return dumped

    def encode(self, value: T) -> str:
        """The value as JSON text; ``Rejected`` for numbers and strings that JSON cannot carry."""
        return canonical(self.dump(value), self._name).decode()

    def load(self, value: Mapping[str, Any], place: str = "") -> T:
        """The value of a JSON object; ``Corrupt``, naming ``place``, where it is not one."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise Corrupt(_unreadable(self._name, place, _first_mistake(error))) from None

    def decode(self, text: str, place: str = "") -> T:
        """The value of a JSON text, as ``load``."""
        return self.load(parse(text, self._name, place), place)


def canonical(value: Any, name: str) -> bytes:
    """The canonical JSON of the value; ``Rejected`` where it has none."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise Rejected(f"this {name} cannot be recorded: {error}.", hint="Use finite numbers and valid text.") from None


def parse(text: str | bytes, name: str, place: str = "") -> dict[str, Any]:
    """The JSON object of a stored text; ``Corrupt`` where it is none."""
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise Corrupt(_unreadable(name, place, str(error))) from None
    if not isinstance(value, dict):
        raise Corrupt(_unreadable(name, place, "it is no JSON object"))
    return value


def _unreadable(name: str, place: str, why: str) -> str:
    return f"the stored {name}{' of ' + place if place else ''} cannot be read: {why}."


def _first_mistake(error: ValidationError) -> str:
    """Where and what, without the value: it may be anything."""
    mistake = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}"


def _adapter(type_: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_)


EVENT: Final[Codec[Event]] = Codec("event", _adapter(Annotated[Event, Field(discriminator="type")]))
STATE: Final[Codec[RolloutState]] = Codec("rollout", _adapter(RolloutState))
SERVICE_STATE: Final[Codec[ServiceState]] = Codec("service", _adapter(ServiceState))
RELEASE: Final[Codec[Release]] = Codec("release", _adapter(Release))
BOOKMARK: Final[Codec[Bookmark]] = Codec("bookmark", _adapter(Bookmark))

_SPECS: Final[dict[str, Codec[Spec]]] = {
    "Service": Codec("Service document", _adapter(Service)),
    "Gate": Codec("Gate document", _adapter(Gate)),
    "Segment": Codec("Segment document", _adapter(Segment)),
    "Rollout": Codec("Rollout document", _adapter(RolloutSpec)),
    "Experiment": Codec("Experiment document", _adapter(Experiment)),
    "Calendar": Codec("Calendar document", _adapter(Calendar)),
    "SmokeCheck": Codec("SmokeCheck document", _adapter(SmokeCheck)),
}


def encode_document(document: Document) -> str:
    """A document as JSON text; ``Rejected`` for a kind that nobody knows."""
    codec = _SPECS.get(document.kind)
    if codec is None:
        raise Rejected(f"documents of kind '{document.kind}' are unknown.", hint=f"Known: {', '.join(_SPECS)}.")
    whole = {
        "kind": document.kind,
        "name": document.name,
        "digest": document.digest,
        "spec": codec.dump(document.spec),
        "source": document.source,
    }
    return canonical(whole, f"{document.kind} document").decode()


def decode_document(text: str, place: str) -> Document:
    """A document of its JSON text; ``Corrupt`` where it cannot be read."""
    whole = parse(text, "document", place)
    try:
        kind, name, digest, source = whole["kind"], whole["name"], whole["digest"], whole["source"]
        codec, spec = _SPECS[kind], whole["spec"]
    except KeyError as error:
        raise Corrupt(_unreadable("document", place, f"{error} is missing or unknown")) from None
    return Document(kind=kind, name=name, digest=digest, spec=codec.load(spec, place), source=source)
