"""Simulated payment providers: they take time, and issuers decline. Technical failures come from the fault switch.

Like real ones they are idempotent: one reference always gets one decision, however often it is asked, also after
a crash of ours. That is what lets a pending payment be finished by whoever finds it.
"""

from __future__ import annotations

import asyncio
import random
from enum import StrEnum

from casino.shadow import refuse_copies
from casino.world import PROVIDERS

LATENCY_SIGMA = 0.35
LONGEST_LATENCY_S = 2.0
WITHDRAWALS_DECLINED = 0.1
"""Withdrawals are declined that much more rarely than deposits."""


class Decision(StrEnum):
    """How asking a provider ended; `FAILED` is technical, theirs or ours, and nothing was charged or paid."""

    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"


class Terminal:
    """One process's line to the providers. A deposit is charged at once, or held and then captured or released. Copies
    of requests (`shadow`) are refused.
    """

    async def ask(self, psp: str, direction: str, reference: str) -> Decision:
        """Have the provider charge (deposit) or pay out (withdrawal) under our reference."""
        refuse_copies("reach a payment provider")
        await asyncio.sleep(latency_s(psp, f"{direction}:{reference}"))
        return decide(psp, direction, reference)

    async def hold(self, psp: str, reference: str) -> Decision:
        """Have the provider set the deposit's money aside; nothing is charged yet."""
        refuse_copies("reach a payment provider")
        await asyncio.sleep(0.7 * latency_s(psp, f"deposit:{reference}"))
        return decide(psp, "deposit", reference)

    async def capture(self, psp: str, reference: str) -> Decision:
        """Take the money that is held. Capturing again is harmless."""
        refuse_copies("reach a payment provider")
        await asyncio.sleep(0.4 * latency_s(psp, f"capture:{reference}"))
        return Decision.APPROVED

    async def release(self, psp: str, reference: str) -> None:
        """Let go of the money, also if it was captured. Releasing again is harmless."""
        refuse_copies("reach a payment provider")
        await asyncio.sleep(0.4 * latency_s(psp, f"release:{reference}"))


def latency_s(psp: str, request: str) -> float:
    """How long the provider takes for this request, in seconds."""
    provider, dice = PROVIDERS[psp], random.Random(f"{psp}:{request}:latency")
    return min(LONGEST_LATENCY_S, provider.median_latency_s * dice.lognormvariate(0, LATENCY_SIGMA))


def decide(psp: str, direction: str, reference: str) -> Decision:
    """The issuer's decision: a function of the reference."""
    share = PROVIDERS[psp].decline_share * (1.0 if direction == "deposit" else WITHDRAWALS_DECLINED)
    declined = random.Random(f"{psp}:{direction}:{reference}:issuer").random() < share
    return Decision.DECLINED if declined else Decision.APPROVED
