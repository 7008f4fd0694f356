"""What is said of the journal: entries, the tree's head, its proofs, its check. Part of ``models``."""

from typing import Any

from pydantic import Field

from croupier.server.api.wire import Model, Moment


class EntryView(Model):
    """A state change: who, what, when, why."""

    seq: int
    at: Moment
    actor: str
    action: str
    subject: str = Field(examples=["rollout/payments-7"])
    reason: str
    events: list[dict[str, Any]]
    leaf_hash: str = Field(description="RFC 9162 leaf hash of the canonical entry, hex.")


class HeadView(Model):
    """The Merkle tree's size and root (hex)."""

    size: int
    root: str


class DiscrepancyView(Model):
    place: str
    message: str


class VerificationView(Model):
    ok: bool
    head: HeadView = Field(description="Computed anew from the entries.")
    rollouts: int = Field(description="How many rollouts were rebuilt from their history and compared.")
    flags: int = Field(description="How many flags were, archived ones too.")
    discrepancies: list[DiscrepancyView]


class ProofView(Model):
    """That entry ``seq`` is in the tree of ``size`` entries (RFC 9162, 2.1.3). Hashes are hex."""

    seq: int
    size: int
    body: str = Field(description="The canonical entry (RFC 8785 JSON); its leaf hash is sha256(0x00 || body).")
    leaf_hash: str
    proof: list[str]
    root: str | None = Field(description="The tree's root where ``size`` is the journal's present one, else null.")
