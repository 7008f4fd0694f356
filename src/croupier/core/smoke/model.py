"""What a smoke check does, as people declare it: steps of a scenario, or a command. Frozen into a rollout's plan.

Declared as ``SmokeCheck`` documents. Texts may hold ``${name}``: see ``core.smoke.variables``. Secrets are never in
here, only where they are to be found.
"""

from dataclasses import dataclass
from enum import StrEnum

MOST_STEPS = 60
SCENARIO_TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 10.0


class Where(StrEnum):
    """The part of an answer that is looked at."""

    JSON = "json"
    """A JSON Pointer (RFC 6901) into the body; the empty pointer is all of it."""
    HEADER = "header"
    """A header, by name."""
    TEXT = "text"
    """The body as text; a pointer or name has no meaning."""


class Op(StrEnum):
    """How a part of an answer is compared with what is wanted."""

    EQUALS = "equals"
    """Numbers by value (10 is 10.00), everything else as it is written."""
    CONTAINS = "contains"
    """A text within the text, or a value within the list."""
    MATCHES = "matches"
    """The whole text matches the regular expression."""
    EXISTS = "exists"
    """It is there, whatever it is (``true``), or it is not (``false``)."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is: an environment variable of whoever runs the check, or a file of theirs. Exactly one is set."""

    env: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A marked test account; its fields (login, password, …) are read when the check runs: ``${account.field}``."""

    name: str
    fields: tuple[tuple[str, SecretRef], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``json`` is a JSON text, ``form`` the pairs of a form; at most one of the two is set."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    json: str | None = None
    form: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Extract:
    """Keep a part of the answer as ``${name}`` for the steps after this one. ``pattern``: its first group, if it has
    one.
    """

    name: str
    where: Where
    at: str = ""
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of the answer is so. ``wanted`` is a JSON text."""

    where: Where
    op: Op
    wanted: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class SmokeStep:
    """One request and what must be true of its answer.

    ``refused``: the service has to say no (a 4xx); an answer that grants it fails the check. Without ``statuses`` a 2xx
    is wanted. ``usually_s`` is how long it usually takes; longer is only a warning. A read that could not be sent is
    tried again up to ``retries`` times; other requests never are.
    """

    name: str
    request: Request
    statuses: tuple[int, ...] = ()
    refused: bool = False
    claims: tuple[Claim, ...] = ()
    extracts: tuple[Extract, ...] = ()
    timeout_s: float = REQUEST_TIMEOUT_S
    usually_s: float | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """Any program, without a shell: it passes with exit code 0. ``junit`` is a file that it writes (in its own scratch
    directory, whose path is ``CROUPIER_SMOKE_DIR``), ``env`` are variables, ``secrets`` variables that hold a secret.
    """

    argv: tuple[str, ...]
    junit: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, SecretRef], ...] = ()
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class SmokeCheck:
    """Either a scenario (``steps``, and ``cleanup``, which runs in any case) or a ``command``.

    ``max_amount`` (a decimal, as text) bounds every amount that a request carries, in the API's own units: fields
    named in ``amount_fields``, wherever they are in a body. ``timeout_s`` bounds the whole.
    """

    name: str
    steps: tuple[SmokeStep, ...] = ()
    cleanup: tuple[SmokeStep, ...] = ()
    command: Command | None = None
    accounts: tuple[Account, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    max_amount: str | None = None
    amount_fields: tuple[str, ...] = ("amount", "amount_minor", "stake", "stake_minor")
    timeout_s: float = SCENARIO_TIMEOUT_S
    description: str = ""
