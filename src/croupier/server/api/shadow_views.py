"""What is copied to a canary and how its answers compare, as the API says it. Used by the route and by ``shown``."""

from croupier.control.shadowing import compared
from croupier.core.rollout.shadow.report import ShadowReport
from croupier.core.rollout.shadow.words import copied, summary
from croupier.core.rollout.state import RolloutState
from croupier.server.api import shadow_models as m
from croupier.server.context import Context


def shadow(here: Context, state: RolloutState) -> m.ShadowView:
    """The recorded comparisons, and the one that goes on."""
    mirrors = state.mirrored.mirrors if state.mirrored is not None else ()
    shown = [_comparison(report, recorded=True) for report in state.compared]
    now = compared(here.ports, state)
    if now is not None and all(report.step != now.step for report in state.compared):
        shown.append(_comparison(now, recorded=False))
    copies = [copied(mirror.share_bp, mirror.allowed) for mirror in mirrors]
    return m.ShadowView(rollout=state.id, copies=copies, comparisons=shown)


def _comparison(report: ShadowReport, *, recorded: bool) -> m.ComparisonView:
    return m.ComparisonView(
        step=report.step,
        text=summary(report),
        recorded=recorded,
        compared=report.compared,
        differing=report.differing,
        share=report.share,
        noisy=report.noisy,
        skipped=dict(report.skipped),
        differences=[
            m.DifferenceView(
                path=each.path,
                field=each.field,
                count=each.count,
                share=each.count / report.compared,
                examples=[list(pair) for pair in each.examples],
            )
            for each in report.differences
        ],
    )
