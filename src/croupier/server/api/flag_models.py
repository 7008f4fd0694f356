"""What the API says and takes about flags, as ``models`` does about the rest. Declarations are plain JSON objects.

A declaration's own fields are written as in files (``kill_switch``, ``expires``): what is sent is what comes back.
"""

from typing import Any, Literal

from pydantic import Field

from croupier.control.flags.recording import Effect
from croupier.core.flags.lifecycle import Why
from croupier.core.flags.model import FlagType, ValueType
from croupier.core.flags.outcome import Reason as OutcomeReason
from croupier.server.api.wire import Mistake, Model, Moment, Reason

Standing = Literal["live", "disabled", "killed", "reverted", "archived"]

DECLARATION = Field(
    description="As people write it.",
    examples=[
        {
            "feature": "payments_v2",
            "rules": [{"if": "market in ['DE','SE']", "rollout": 0.25}],
            "kill_switch": False,
        }
    ],
)


class KillView(Model):
    """Who killed it, when and why. ``declared``: by its declaration, so that a later one undoes it. ``preset``: by this
    preset, so that undoing the preset undoes it.
    """

    actor: str
    at: Moment
    reason: str
    declared: bool
    preset: str = ""


class FlagView(Model):
    """A flag as it stands."""

    key: str = Field(examples=["payments_v2"])
    type: FlagType
    value_type: ValueType
    standing: Standing = Field(description="What it does now; archived before reverted before killed before disabled.")
    description: str
    owner: str
    tags: list[str]
    version: int = Field(description="The ruleset's version at which it last changed; also the ETag.")
    digest: str
    created_at: Moment
    changed_at: Moment
    changed_by: str
    expires_at: Moment | None = Field(description="Null: never.")
    killed: KillView | None = Field(None, description="The kill that a restore undoes first: a person's, if any.")
    kills: list[KillView] = Field(default_factory=list, description="All that keeps it killed, each undone by itself.")
    warned_at: Moment | None = None
    reverted_at: Moment | None = Field(None, description="When it returned to its safe variant, unrenewed.")
    full_since: Moment | None = Field(None, description="Since when everybody gets the same variant everywhere.")
    required_by: list[str] = Field(default_factory=list, description="Flags that need this one.")
    declaration: dict[str, Any] = DECLARATION
    recorded: bool = Field(True, description="False: a kill is in force and waits for the store to be recorded.")
    warnings: list[Mistake] = Field(default_factory=list, description="Of a change: allowed, but rarely meant.")


class FlagsRequest(Model):
    """Several flags, all taken or none."""

    flags: list[dict[str, Any]] = Field(min_length=1, max_length=100_000)
    dry_run: bool = Field(False, description="Judge and answer, change nothing.")
    reason: Reason = ""


class FlagEffect(Model):
    key: str
    effect: Effect


class FlagsResult(Model):
    """What happened to each flag, in the order of the request."""

    flags: list[FlagEffect]
    version: int = Field(description="The ruleset's version, after the change.")
    dry_run: bool
    warnings: list[Mistake] = Field(default_factory=list, description="Allowed, but rarely meant.")


class KillRequest(Model):
    reason: str = Field(max_length=1_000, description="What is wrong: others will read it.")
    decided_at: str | None = Field(
        None,
        max_length=40,
        description="When it was decided (RFC 3339). Sent to several control planes of one database with the same "
        "moment and reason it is one kill, recorded once, also where each had to keep it while the database was away. "
        "Counts if it is within five minutes of the server's own time.",
        examples=["2026-11-22T11:20:00.123Z"],
    )


class RestoreRequest(Model):
    reason: Reason = ""


class RenewRequest(Model):
    expires: str = Field(max_length=40, description="A day (its end is meant) or a time.", examples=["2027-01-31"])
    reason: Reason = ""


class FlagHistoryItem(Model):
    """One thing that happened to the flag."""

    seq: int = Field(description="The journal's entry.")
    at: Moment = Field(description="When it took effect.")
    actor: str
    action: str
    reason: str
    type: str = Field(examples=["flag_declared"])
    version: int = Field(description="The ruleset's version that it made.")
    preset: str = Field("", description="The preset whose change it was, applied or undone.")
    changes: list[str] = Field(description="What changed, line by line.")


class PreviewRequest(Model):
    declaration: dict[str, Any] = DECLARATION
    environment: str | None = Field(None, max_length=60, description="By default the first one.")


class MoveView(Model):
    before: str | None = Field(description="Null: there was no flag.")
    after: str | None
    players: int


class PreviewView(Model):
    """What an edit would do to players, before it is saved. A kill is left aside: it hides every edit."""

    key: str
    environment: str
    text: str = Field(examples=["of 10000 players 250 gain, 0 lose"])
    players: int
    gain: int
    lose: int
    change: int
    moves: list[MoveView]
    confidence: str
    changes: list[str] = Field(description="What differs from the present declaration.")
    warnings: list[Mistake]


class EvaluationRequest(Model):
    environment: str | None = Field(None, max_length=60, description="By default the first one.")
    context: dict[str, Any] = Field(default_factory=dict, examples=[{"targetingKey": "p1", "market": "DE"}])


class EvaluationView(Model):
    """What the player gets, and why."""

    key: str
    value: Any
    variant: str | None
    reason: OutcomeReason
    rule: str | None
    version: int
    detail: str
    error: str | None
    bucket: int | None = Field(description="The player's bucket, 0 to 9999, in the flag's own bucketing.")


class RuleExplained(Model):
    """One rule, and what it made of this player."""

    name: str
    condition: str
    matched: bool | None = Field(description="Null: it cannot be decided, which counts as no, or was not asked.")
    why: str
    rollout: float = Field(description="Share of the players, 0 to 1.")
    bucket: int | None
    decided: bool = Field(description="Whether this rule gave the answer.")


class RequiredView(Model):
    """Another flag that this one needs."""

    flag: str
    variants: list[str] = Field(description="One of these it must answer.")
    found: str | None
    met: bool


class ExplanationView(Model):
    """The answer, and how it came about."""

    outcome: EvaluationView
    requires: list[RequiredView]
    rules: list[RuleExplained]
    text: list[str] = Field(description="The same for people, line by line.")


class DebtView(Model):
    """Why a flag should be looked at."""

    key: str
    owner: str
    why: Why
    since: Moment
    text: str


class VersionCount(Model):
    version: int = Field(description="-1: of another record, for example from before the database was restored.")
    clients: int


class LaggardView(Model):
    """An application that does not run the present version."""

    client: str
    sdk: str
    version: int
    seen_at: Moment
    behind_s: float = Field(description="For how long there has been a newer version; 0: not known.")


class PropagationView(Model):
    """How far the present version has come, as the applications themselves say."""

    environment: str
    version: int
    clients: int
    current: int = Field(description="So many of them run this version.")
    listening: int = Field(description="So many streams are open here.")
    versions: list[VersionCount]
    laggards: list[LaggardView] = Field(description="Those furthest behind.")
    differing: list[str] = Field(description="Those that say this version, but hold other flags.")
    p50_ms: float | None = Field(description="From commit to running, of the newest changes; null before the first.")
    p99_ms: float | None
    text: str = Field(examples=["9998 of 10000 on v412, 2 behind"])


class PresetChange(Model):
    flag: str
    killed_before: bool
    killed_after: bool
    changes: list[str] = Field(description="What differs, line by line.")


class ApprovalView(Model):
    actor: str
    at: Moment


class ApplicationView(Model):
    actor: str
    at: Moment
    reason: str
    version: int = Field(description="The ruleset's version that it made.")
    flags: list[str]
    digest: str = Field(description="Of the content that is in force; the preset may have been changed since.")


class PresetView(Model):
    """A prepared set of changes."""

    name: str
    description: str
    version: int = Field(description="Rises with every change; also the ETag.")
    digest: str = Field(description="What is approved.")
    author: str
    changed_at: Moment
    preset: dict[str, Any] = Field(description="As people write it.")
    approved: bool
    approval: ApprovalView | None
    applied: ApplicationView | None = Field(description="Null: not in force.")


class ApproveRequest(Model):
    digest: str = Field(max_length=100, description="Of what was looked at: an approval is for that and nothing else.")
    reason: Reason = ""


class ApplyPresetRequest(Model):
    reason: Reason = ""
    digest: str | None = Field(None, max_length=100, description="Apply it only if it is still this.")


class PresetResult(Model):
    """What applying or undoing did."""

    preset: str
    version: int
    flags: list[str]
    warnings: list[Mistake] = Field([], description="Flags that stay killed; experiments that it disturbs.")


class PresetPreview(Model):
    """What applying it would do now; where it is in force, what undoing it would do."""

    undo: bool
    changes: list[PresetChange]
    problems: list[Mistake] = Field(description="With any of these it would be refused.")
    warnings: list[Mistake] = Field([], description="What it does to experiments that run.")
