"""Experiments as the API shows them. The page and the terminal show the same."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from croupier.control.ports.experiments import Point
from croupier.core.experiments import Answer, Compared, Experiment, Run, result_of
from croupier.core.experiments.model import Plan
from croupier.core.experiments.words import headline, sentence
from croupier.server.api import experiment_models as em
from croupier.server.api.formats import moment


def run(item: Run, measured: Collection[str]) -> em.RunView:
    """One run; ``measured`` are the ids of those that go on."""
    plan = item.plan
    return em.RunView(
        id=item.id,
        running=item.stopped_at is None and item.id in measured,
        started_at=moment(item.started_at),
        started_by=item.started_by,
        stopped_at=None if item.stopped_at is None else moment(item.stopped_at),
        stopped_by=item.stopped_by,
        ends_at=moment(item.ends_at),
        rule=plan.dealt.rule,
        shares={arm.variant: arm.share for arm in plan.arms},
        control=plan.experiment.control,
        goal=plan.experiment.goal,
        minimum_effect=plan.experiment.minimum_effect,
        error=plan.experiment.error,
    )


def experiment(
    declared: Experiment, source: Mapping[str, Any], answers: Sequence[Answer], measured: Collection[str]
) -> em.ExperimentView:
    """The experiment with the answers of its runs, newest first."""
    runs = [run(item.run, measured) for item in answers]
    return em.ExperimentView(
        name=declared.name,
        flag=declared.flag,
        environment=declared.environment,
        goal=declared.goal,
        owner=declared.owner,
        description=declared.description,
        running=any(item.running for item in runs),
        said=headline(answers[0].run.plan, answers[0].result) if answers else "",
        declared=dict(source),
        runs=runs,
    )


def result(answer: Answer, measured: Collection[str]) -> em.ResultView:
    """The result of a run."""
    plan, found = answer.run.plan, answer.result
    return em.ResultView(
        experiment=plan.experiment.name,
        run=run(answer.run, measured),
        at=moment(found.at),
        said=headline(plan, found),
        withheld=found.withheld,
        variants=[
            em.VariantView(
                variant=item.variant,
                share=item.share,
                exposed=item.exposed,
                converted=item.converted,
                rate=item.rate,
                low=item.low,
                high=item.high,
            )
            for item in found.counted
        ],
        comparisons=[comparison(plan, item) for item in found.compared],
        guards=[comparison(plan, item) for item in found.guards],
        crossed=found.crossed,
        lost=found.lost,
        sample_ratio=em.SampleRatioView(log_e=found.sample_log_e, needed=found.sample_needed),
    )


def comparison(plan: Plan, item: Compared) -> em.ComparisonView:
    """One treatment by one event."""
    return em.ComparisonView(
        treatment=item.treatment,
        event=item.event,
        verdict=item.verdict,
        ratio=item.ratio,
        ratio_low=item.low,
        ratio_high=item.high,
        difference=item.difference,
        difference_low=item.difference_low,
        difference_high=item.difference_high,
        log_e=item.log_e,
        needed=item.needed,
        left_s=item.left_s,
        said=sentence(plan, item),
    )


def point(of: Run, item: Point) -> em.PointView:
    """What the run said then."""
    found = result_of(replace(of, tally=item.tally, stopped_at=None), item.at)
    ratios = {compared.treatment: (compared.low, compared.ratio, compared.high) for compared in found.compared}
    return em.PointView(at=moment(item.at), players=found.players, ratios=ratios)
