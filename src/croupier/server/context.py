"""What a request needs, as one value. Made by ``app``, kept in ``app.state.context``, read by API and page."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from croupier.control.catalog import Catalog
from croupier.control.experiments.experiments import Experiments
from croupier.control.experiments.intake import Intake
from croupier.control.ports import Bookmarks, Notifier, Ports, PushedMetrics, Tokens
from croupier.control.reconcile import Reconciler
from croupier.control.rollouts import Rollouts
from croupier.control.round_reports import RoundReports
from croupier.server.api.idempotency import Answers
from croupier.server.auth import Doorman, Keyring
from croupier.server.flags.desk import Desk
from croupier.server.leases import SeenLeases
from croupier.server.metrics import Metrics
from croupier.server.otlp.allowance import Allowance
from croupier.server.settings import Settings
from croupier.server.streams import Streams


@dataclass(frozen=True, slots=True)
class Context:
    """The running control plane as the HTTP side sees it."""

    settings: Settings
    ports: Ports
    tokens: Tokens
    reconciler: Reconciler
    rollouts: Rollouts
    catalog: Catalog
    keyring: Keyring
    doorman: Doorman
    answers: Answers
    streams: Streams
    metrics: Metrics
    leases: SeenLeases
    flags: Desk
    experiments: Experiments
    intake: Intake
    rounds: RoundReports | None
    pushed: PushedMetrics | None
    allowance: Allowance
    edge_healthy: Callable[[], Awaitable[bool]]
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    bookmarks: Bookmarks | None = None


def context_of(request: Request) -> Context:
    """The context of the application that serves this request."""
    found: Context = request.app.state.context
    return found


Here = Annotated[Context, Depends(context_of)]
"""Declare a parameter of this type to get the context."""
