"""What is said and taken about documents and releases. Part of ``models``."""

from typing import Any, Literal

from pydantic import Field

from croupier.adapters.manifests import MAX_DOCUMENTS
from croupier.control.catalog import Effect
from croupier.server.api.wire import Mistake, Model, Name, Reason, Version


class ApplyRequest(Model):
    """Documents as in the files (``apiVersion: croupier/v1``), all taken or none."""

    documents: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_DOCUMENTS)
    dry_run: bool = Field(False, description="Judge and answer, change nothing.")
    reason: Reason = ""


class ReleaseRequest(Model):
    """A new version of a service; ``process`` holds what differs from the service's, as in a Release document."""

    service: Name
    version: Version
    notes: str = Field("", max_length=10_000, description="What is new, for people.")
    process: dict[str, Any] | None = Field(None, examples=[{"env": {"LOG_LEVEL": "info"}}])
    reason: Reason = ""


class AppliedObject(Model):
    kind: str = Field(examples=["Gate"])
    name: str = Field(description="A release's is service-version.", examples=["deposit-slo"])
    effect: Effect


class ApplyResult(Model):
    """What happened to each document, in the order of the request (releases last)."""

    applied: list[AppliedObject]
    dry_run: bool
    warnings: list[Mistake] = Field(default_factory=list, description="Allowed, but rarely meant.")


class DocumentView(Model):
    kind: str
    name: str
    digest: str
    version: int = Field(description="Rises with every change; also the ETag.")
    document: dict[str, Any] = Field(description="The document as it was applied.")
    text: str = Field(description="What it says, in a line for people.", examples=["market is SE or NO"])
    used_by: list[str] | None = Field(
        None, description="Who uses it now, in words, so that it cannot be taken out; null in lists."
    )


ReleaseUse = Literal["stable", "rolling out", "known"]


class ReleaseView(Model):
    """An immutable version of a service."""

    service: str
    version: str
    digest: str
    command: list[str]
    env: list[str] = Field(description="Names of its environment variables; their values may be secrets.")
    instances: int
    notes: str = ""
    state: ReleaseUse = Field("known", description="What the service does with it now.")
