"""From the recorded runs of smoke checks to what the API says of them. Pure; used by the rollouts' views."""

from croupier.core.rollout.smoked import SmokeRun
from croupier.core.smoke import CheckResult
from croupier.server.api import models as m
from croupier.server.api.formats import moment


def smoke_run(run: SmokeRun) -> m.SmokeRunView:
    """One run with each step's result."""
    return m.SmokeRunView(
        occasion=run.occasion,
        exposure=run.exposure,
        at=moment(run.at),
        passed=run.passed,
        stands=run.stands,
        results=[_result(each) for each in run.results],
    )


def _result(result: CheckResult) -> m.SmokeResultView:
    return m.SmokeResultView(
        check=result.check,
        outcome=result.outcome,
        said=result.said,
        seconds=result.seconds,
        steps=[
            m.SmokeStepView(name=each.name, outcome=each.outcome, said=each.said, seconds=each.seconds)
            for each in result.steps
        ],
        tail=result.tail,
    )
