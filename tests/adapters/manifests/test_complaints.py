"""Every mistake with the exact text that people get, so that the texts are reviewed like code."""

from textwrap import dedent

import pytest

from croupier.adapters.manifests import parse_text
from croupier.adapters.manifests.shapes import KINDS, StepShape

SERVICE = """\
apiVersion: croupier/v1
kind: Service
metadata: {name: payments}
spec:
  routes: [{prefix: /payments}]
  attributes: {market: x-market}
  process: {command: [serve, "{port}"]}
---
"""
GATE = """\
apiVersion: croupier/v1
kind: Gate
metadata: {name: deposit-slo}
spec: {sli: {ratio: {metric: deposits_total, good: {outcome: credited}}}, objective: {atLeast: 99%}}
---
"""

KINDS_KNOWN = ", ".join(KINDS)
STEPS = ", ".join(StepShape.one_of)
STEPS_AND = " and ".join(STEPS.rsplit(", ", 1))


def found(text: str) -> list[str]:
    """Problems as they are printed, without the file's name."""
    return [str(problem).removeprefix("f:") for problem in parse_text(dedent(text), "f").problems]


def without_column(text: str) -> str:
    """The problem without its line and column, which ``test_bundle`` looks at."""
    return text.split(" ", 1)[1]


def rollout(steps: str, more: str = "") -> list[str]:
    """Problems of a rollout with these steps, places from ``steps`` on."""
    head = "apiVersion: croupier/v1\nkind: Rollout\nmetadata: {name: r}\nspec: {service: payments, strategy: {canary: {"
    analysis = "" if "analysis" in steps or more else "analysis: {templates: [{templateName: deposit-slo}]}, "
    document = f"{head}{analysis}{more}\nsteps: [{steps}]}}}}}}\n"
    return [without_column(text).replace("spec.strategy.canary.", "") for text in found(SERVICE + GATE + document)]


@pytest.mark.parametrize(
    "steps, expected",
    [
        (
            "{setWeight: 101}, {pause: {}}",
            "steps[0].setWeight: a weight of 101 % is more than everybody. Write a percentage from 0 to 100.",
        ),
        (
            "{setWeight: -1}, {pause: {}}",
            "steps[0].setWeight: a weight of -1 % is less than nobody. Write a percentage from 0 to 100.",
        ),
        (
            "{setWeight: 0.001}, {pause: {}}",
            (
                "steps[0].setWeight: a weight of 0.001 % is too fine: the smallest step is 0.01 % of the players. "
                "Write 0.01."
            ),
        ),
        (
            "{setWeight: 12.345}, {pause: {}}",
            (
                "steps[0].setWeight: a weight of 12.345 % is too fine: the smallest step is 0.01 % of the players. "
                "Write 12.34."
            ),
        ),
        (
            "{setWeight: '5'}, {pause: {}}",
            'steps[0].setWeight: expected a number, found the text "5". Write 5, without quotes or %.',
        ),
        (
            "{setWeight: 5%}, {pause: {}}",
            'steps[0].setWeight: expected a number, found the text "5%". Write 5, without quotes or %.',
        ),
        (
            "{setWeight: .inf}, {pause: {}}",
            (
                "steps[0].setWeight: expected a percentage from 0 to 100, found the number .inf. "
                "Write for example 5 or 0.25."
            ),
        ),
        (
            "{setWeight: yes}, {pause: {}}",
            (
                'steps[0].setWeight: expected a percentage from 0 to 100, found the text "yes". '
                "Write for example 5 or 0.25."
            ),
        ),
        (
            "{setWeight: true}, {pause: {}}",
            (
                "steps[0].setWeight: expected a percentage from 0 to 100, found the truth value true. "
                "Write for example 5 or 0.25."
            ),
        ),
        (
            "{setWeight: [5]}, {pause: {}}",
            "steps[0].setWeight: expected a percentage from 0 to 100, found a list. Write for example 5 or 0.25.",
        ),
        ("{setWeight: }, {pause: {}}", "steps[0].setWeight: there is no value. Write one, or remove it."),
        (
            "{setWieght: 5}, {pause: {}}",
            (f"steps[0].setWieght: unknown field 'setWieght'; did you mean 'setWeight'? Known here: {STEPS}."),
        ),
        (
            "{weight: 5}, {pause: {}}",
            (f"steps[0].weight: unknown field 'weight'; did you mean 'setWeight'? Known here: {STEPS}."),
        ),
        (
            "{frobnicate: 5}, {pause: {}}",
            (f"steps[0].frobnicate: unknown field 'frobnicate'. Known here: {STEPS}."),
        ),
        (
            "{setHeaderRoute: {}}, {pause: {}}",
            (
                "steps[0].setHeaderRoute: 'setHeaderRoute' is not used here. Write setSegment: {segment: "
                "<name>, weight: 100} instead."
            ),
        ),
        (
            "{}, {pause: {}}",
            (f"steps[0]: exactly one of {STEPS_AND} is needed, there is none. Add one."),
        ),
        (
            "{setWeight: 5, pause: {}}",
            (
                "steps[0]: 'setWeight' and 'pause' cannot stand together: exactly one of "
                f"{STEPS_AND} is allowed. Make a step of each."
            ),
        ),
        (
            "5",
            (
                "steps[0]: expected a mapping, found the number 5. Write 'key: value' pairs below it; "
                f"known are {STEPS}."
            ),
        ),
        ("{pause: }", "steps[0].pause: there is no value. Write pause: {} to wait for a person."),
        ("{pause: 5m}", 'steps[0].pause: expected a mapping, found the text "5m". Write {duration: 5m}.'),
        (
            "{setSegment: {market: [SE], weight: 10}}",
            "steps[0].setSegment.market: 'market' is not used here. Write match: {market: [<market>]}.",
        ),
        ("{pause: {seconds: 5}}", "steps[0].pause.seconds: unknown field 'seconds'. Known here: duration."),
        (
            "{setWeight: 5}, {pause: {duration: 5min}}",
            'steps[1].pause.duration: expected a duration, found the text "5min". Write 5m.',
        ),
        (
            "{setWeight: 5}, {pause: {duration: 1d}}",
            'steps[1].pause.duration: expected a duration, found the text "1d". Days are not known: write 24h.',
        ),
        (
            "{setWeight: 5}, {pause: {duration: 1:30}}",
            'steps[1].pause.duration: expected a duration, found the text "1:30". Write for example 90s, 5m or 1h30m.',
        ),
        (
            "{setWeight: 5}, {pause: {duration: -5}}",
            (
                "steps[1].pause.duration: a duration cannot be negative, found the number -5. "
                "Write for example 90s, 5m or 1h30m."
            ),
        ),
        (
            "{setWeight: 5}, {pause: {duration: -5s}}",
            'steps[1].pause.duration: expected a duration, found the text "-5s". A duration cannot be negative.',
        ),
        (
            "{setWeight: 5}, {pause: {duration: 1.5}}",
            "steps[1].pause.duration: expected a duration, found the number 1.5. Write 1500ms.",
        ),
        (
            "{setWeight: 5}, {pause: {duration: 9999h}}",
            (
                'steps[1].pause.duration: expected a duration of at most a year, found the text "9999h". '
                "Write for example 90s, 5m or 1h30m."
            ),
        ),
        (
            "{setWeight: 5}, {pause: {}}, {pause: {}}",
            (
                "steps[2].pause: this step can never do anything: the step before waits for a person already, and "
                "nothing happens in between. Remove one of the two, or put a setWeight or an analysis between them."
            ),
        ),
        (
            "{setWeight: 5}, {setWeight: 5}, {pause: {}}",
            (
                "steps[1].setWeight: this step has no effect: the step before already sets the weight to 5. "
                "Remove one of the two."
            ),
        ),
        (
            "{pause: {}}, {analysis: {templates: [{templateName: deposit-slo}]}}, {setWeight: 5}, {pause: {}}",
            (
                "steps[1].analysis: this step can never end: the canary's weight is 0 here, so its gates would see no "
                "player of the canary. Put a setWeight or a setSegment above 0 before it."
            ),
        ),
        (
            "{setWeight: 5}, {analysis: {templates: []}}",
            "steps[1].analysis.templates: this is empty. Write at least one.",
        ),
        (
            "{setWeight: 5}, {analysis: {}}",
            (
                "steps[1].analysis.templates: 'templates' is missing. "
                "Write for example: templates: [{templateName: deposit-slo}]."
            ),
        ),
        (
            "{setWeight: 5}, {analysis: deposit-slo}",
            (
                'steps[1].analysis: expected a mapping, found the text "deposit-slo". '
                "Write {templates: [{templateName: deposit-slo}]}."
            ),
        ),
        (
            "{setWeight: 5}, {analysis: {templates: [deposit-slo]}}",
            (
                'steps[1].analysis.templates[0]: expected a mapping, found the text "deposit-slo". '
                "Write {templateName: deposit-slo}."
            ),
        ),
        (
            "{setWeight: 5}, {analysis: {templates: [{templateName: deposit-slo}, {templateName: deposit-slo}]}}",
            "steps[1].analysis.templates[1]: gate 'deposit-slo' is named twice in this step. Remove one.",
        ),
        (
            "{setWeight: 5}, {analysis: {templates: [{templateName: deposit-sli}]}}",
            (
                "steps[1].analysis.templates[0].templateName: unknown gate 'deposit-sli'; did you mean 'deposit-slo'? "
                "There are: deposit-slo."
            ),
        ),
        (
            "{setWeight: 5}, {analysis: {args: [], templates: [{templateName: deposit-slo}]}}",
            (
                "steps[1].analysis.args: 'args' is not used here. "
                "A rollout gives gates no arguments; write the values into the Gate."
            ),
        ),
        (
            "",
            (
                "steps: there are no steps, so everybody would get the release at once. Write for example: "
                "steps: [{setWeight: 5}, {pause: {duration: 5m}}, {analysis: {templates: [...]}}]"
            ),
        ),
    ],
)
def test_refused_steps(steps: str, expected: str) -> None:
    assert rollout(steps) == [expected]


@pytest.mark.parametrize(
    "steps, expected",
    [
        (
            "{setWeight: 50}, {pause: {}}, {setWeight: 5}, {pause: {}}",
            (
                "warning: steps[2].setWeight: the weight falls from 50 to 5: players go back to the stable version. "
                "Steps usually only rise; an abort takes the canary back by itself."
            ),
        ),
        (
            "{setWeight: 5}, {pause: {}}, {setWeight: 5}, {pause: {}}",
            "warning: steps[2].setWeight: this step has no effect: the weight is 5 already. Remove it.",
        ),
        (
            "{setWeight: 5}, {setWeight: 0.25}, {pause: {}}",
            [
                (
                    "warning: steps[0].setWeight: nobody has time to look at 5 %: setWeight: 0.25 follows at once. "
                    "Put a pause or an analysis after it."
                ),
                (
                    "warning: steps[1].setWeight: the weight falls from 5 to 0.25: players go back to the stable "
                    "version. Steps usually only rise; an abort takes the canary back by itself."
                ),
            ],
        ),
        (
            "{setWeight: 5}",
            (
                "warning: steps[0].setWeight: nobody has time to look at 5 %: everybody follows at once. "
                "Put a pause or an analysis after it."
            ),
        ),
        (
            "{pause: {}}",
            [
                (
                    "analysis.templates[0].templateName: gate 'deposit-slo' cannot turn red here: no step gives the "
                    "canary players while it watches, so it can never look. Put a setWeight above 0, with a pause or "
                    "an analysis, into the steps."
                ),
                (
                    "warning: steps: no step gives the canary any players, so everybody gets the release at once after "
                    "the last step. Start with a small share, for example setWeight: 1."
                ),
            ],
        ),
        (
            "{setWeight: 5}, {pause: {duration: 0}}",
            (
                "warning: steps[1].pause.duration: a pause of 0 seconds waits for nothing. "
                "Write a duration, or pause: {} to wait for a person."
            ),
        ),
    ],
)
def test_warned_steps(steps: str, expected: str | list[str]) -> None:
    assert rollout(steps) == ([expected] if isinstance(expected, str) else expected)


def test_a_rollout_that_nobody_watches_is_warned_about() -> None:
    head = "apiVersion: croupier/v1\nkind: Rollout\nmetadata: {name: r}\n"
    text = f"{SERVICE}{head}spec: {{service: payments, strategy: {{canary: {{steps: [{{pause: {{duration: 5}}}}]}}}}}}"
    assert without_column(found(text)[0]) == (
        "warning: spec.strategy.canary: no gate watches this rollout, so a bad release reaches everybody unless "
        "a person notices. Add guards that watch all along: analysis: {templates: [{templateName: <gate>}]}"
    )


@pytest.mark.parametrize(
    "spec, expected",
    [
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}}",
            [
                (
                    "spec: the gate asks for nothing, so it can never fail. Add an objective (atLeast), a comparison "
                    "(maxRatio) or a hardStop (events, or failing and samples)."
                )
            ],
        ),
        (
            "{sli: {}, objective: {atLeast: 99%}}",
            ["spec.sli: exactly one of ready, ratio, latency, events and promql is needed, there is none. Add one."],
        ),
        (
            "{sli: {events: {metric: m}, latency: {metric: m, threshold: 1s}}, hardStop: {events: 1}}",
            [
                (
                    "spec.sli: 'latency' and 'events' cannot stand together: exactly one of ready, ratio, latency, "
                    "events and promql is allowed. Remove all but one."
                )
            ],
        ),
        (
            "{sli: {events: {metric: m}}, objective: {atLeast: 99%}}",
            [
                (
                    "spec.objective: an 'events' indicator counts only bad events, so it has no share of good ones. "
                    "Write hardStop: {events: 1} instead, or use a 'ratio' indicator."
                )
            ],
        ),
        (
            "{sli: {events: {metric: m}}, hardStop: {failing: 50%}}",
            [
                (
                    "spec.hardStop.failing: an 'events' indicator counts only bad events, so it has no share of good "
                    "ones. Write hardStop: {events: 1} instead, or use a 'ratio' indicator."
                )
            ],
        ),
        (
            "{sli: {events: {metric: m}}, hardStop: {}}",
            [
                (
                    "spec.hardStop: the hard stop has no condition, so it can never fire. "
                    "Write {events: 1} or {failing: 50%, samples: 20}."
                )
            ],
        ),
        (
            "{sli: {events: {metric: m}}, hardStop: {events: 1, samples: 5}}",
            [
                (
                    "spec.hardStop.samples: 'samples' has no effect without 'failing' or 'drop'. "
                    "Add failing: 50%, or remove it."
                )
            ],
        ),
        (
            "{sli: {ready: retry-queue-age}, sequential: {}}",
            [
                (
                    "warning: spec.sequential: the slack of 2 % in 'retry-queue-age' has no effect with 'sequential'. "
                    "Leave 'sequential' out to keep it, or write a larger comparison: {maxRatio: ...}."
                )
            ],
        ),
        (
            "{sli: {ready: {name: retry-queue-age, threshold: 20}}}",
            ["spec.sli.ready.threshold: 20 has no unit: seconds or milliseconds? Write 20s, or 20ms."],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 400}}, objective: {atLeast: 99%}}",
            ["spec.sli.latency.threshold: 400 has no unit: seconds or milliseconds? Write 400ms, or 400s."],
        ),
        (
            "{sli: {latency: {metric: m, threshold: '400'}}, objective: {atLeast: 99%}}",
            ["spec.sli.latency.threshold: 400 has no unit: seconds or milliseconds? Write 400ms, or 400s."],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 0.4}}, objective: {atLeast: 99%}}",
            ["spec.sli.latency.threshold: expected a duration, found the number 0.4. Write 400ms."],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 400ms}}, comparison: {canaryThreshold: 480}}",
            ["spec.comparison.canaryThreshold: 480 has no unit: seconds or milliseconds? Write 480ms, or 480s."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 100%}, sequential: {}}",
            [
                (
                    "spec.objective.atLeast: an objective of 100 % lets nothing fail, and evidence needs a share that "
                    "may. Write for example 99.99%. For what must not happen at all: sli: {events: ...} and "
                    "hardStop: {events: 1}."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 1.5%}}",
            [
                (
                    "warning: spec.objective.atLeast: at least 1.5 % good lets 98.5 % fail. "
                    "If 1.5 % may fail, write 98.5%."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, comparison: {}, sequential: {falseRollbacks: 1%}}",
            [
                (
                    "spec.sequential.falseRollbacks: 'falseRollbacks' is not used here. It is one budget for all gates "
                    "of a Rollout: write spec.falseRollbacks there."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, comparison: {slack: 1%}, sequential: {}}",
            [
                (
                    "warning: spec.comparison.slack: 'slack' has no effect with 'sequential'. "
                    "Remove it: evidence needs no slack."
                )
            ],
        ),
        (
            (
                "{sli: {ratio: {metric: m, good: {o: a}}}, comparison: {slack: 1%}, hardStop: {failing: 50%}, "
                "sequential: {}}"
            ),
            [],
        ),
        (
            "{sli: {events: {metric: m}}, hardStop: {events: 0}}",
            ["spec.hardStop.events: 0 is out of range. Write a whole number from 1 to 1000000000."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, hardStop: {failing: 0%}}",
            ["spec.hardStop.failing: a hard stop at 0 % would stop every rollout at once. Write for example 50%."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, hardStop: {failing: 150%}}",
            [('spec.hardStop.failing: a share is at most 100%, found the text "150%". Write for example 99% or 0.99.')],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 0%}}",
            [
                (
                    "spec.objective.atLeast: at least 0 % is always met, so the gate can never fail. "
                    "Write for example 99%."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 1}}",
            ["spec.objective.atLeast: 1 could mean 1 % or 100 %. Write 1% or 100%."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 99.5}}",
            ["spec.objective.atLeast: a share is at most 1, found the number 99.5. Write 99.5% or 0.995."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: '99'}}",
            [('spec.objective.atLeast: expected a share, found the text "99". Write 99%, or a number without quotes.')],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: 99%}",
            ['spec.objective: expected a mapping, found the text "99%". Write {atLeast: 99%}.'],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, comparison: {maxRatio: 0.5, slack: 100%}}",
            [
                (
                    "spec.comparison.maxRatio: a maxRatio of 0.5 condemns a canary that is as good as the baseline. "
                    "Write 1.1 to allow 10 % more bad events than the baseline has."
                ),
                (
                    "spec.comparison.slack: a slack of 1 means that the gate can never fail. "
                    "Write a small share, for example 0.1%."
                ),
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, comparison: {maxRatio: 110%}}",
            [('spec.comparison.maxRatio: expected a number, found the text "110%". Write 1.1, without quotes or %.')],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, comparison: {maxRatio: 10%}}",
            [
                (
                    'spec.comparison.maxRatio: expected a number, found the text "10%". '
                    "Write 1.1 for 'at most 10 % more'."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: ok}}, objective: {atLeast: 99%}}",
            [
                (
                    'spec.sli.ratio.good: expected a mapping, found the text "ok". '
                    "Write for example: good: {outcome: credited}."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 99%}, sequential: {clumps: auto}}",
            ['spec.sequential.clumps: expected a number, found the text "auto". Write for example 10.'],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 99%}, sequential: {clumps: -1}}",
            ["spec.sequential.clumps: -1 is out of range. Write a number from 1 to 1000000000."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 99%}, burn: {factor: '14.4'}}",
            ['spec.burn.factor: expected a number, found the text "14.4". Write 14.4, without quotes.'],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 99%}, sequential: }",
            ["spec.sequential: there is no value. Write sequential: {} for what is usual, or remove it."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 99%}, advisory: maybe}",
            ['spec.advisory: expected true or false, found the text "maybe". Write one of them, without quotes.'],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, objective: {atLeast: 99%}, source: promethues}",
            [
                (
                    "spec.source: expected 'embedded', 'prometheus' or 'otlp', found the text \"promethues\". "
                    "Write prometheus."
                )
            ],
        ),
        (
            "{sli: {ready: sample-ratio}, sequential: {}}",
            [
                (
                    "spec.sli: 'sample-ratio' counts a population, and has its own way to judge it. Remove the other "
                    "rule (sequential, rule or burn); population: {...} says how sure it has to be."
                )
            ],
        ),
        (
            "{sli: {ready: {name: sample-ratio, metric: m}}, rule: {window: 1m}}",
            [
                (
                    "spec.sli: 'sample-ratio' counts a population, and has its own way to judge it. Remove the other "
                    "rule (sequential, rule or burn); population: {...} says how sure it has to be."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}}}, population: {players: 100}}",
            [
                (
                    "spec.sli.ratio.good: of a population everybody counts, good or not: 'good' has no effect. "
                    "Write sli: {ready: sample-ratio} or {ready: {name: sample-ratio, metric: ...}}."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: a}, total: {o: [a]}}}, objective: {atLeast: 99%}}",
            [
                (
                    "spec.sli.ratio.good: everything that counts is good, so the gate can never fail. "
                    "'total' must also match the bad events."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: [a, x]}, total: {o: [a, b]}}}, objective: {atLeast: 99%}}",
            [
                (
                    "spec.sli.ratio.good.o: o=x is good but not counted at all: 'total' does not list it. "
                    "Add it to total.o, or remove it here."
                )
            ],
        ),
        (
            "{sli: {ratio: {metric: m, good: {}}}, objective: {atLeast: 99%}}",
            ["spec.sli.ratio.good: this is empty. Write at least one."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {o: []}}}, objective: {atLeast: 99%}}",
            ["spec.sli.ratio.good.o: this is empty. Write at least one."],
        ),
        (
            "{sli: {ratio: {metric: m, good: {code: 200}}}, objective: {atLeast: 99%}}",
            ['spec.sli.ratio.good.code: expected text, found the number 200. Put it in quotes: "200".'],
        ),
        (
            "{sli: {ratio: {metric: m, good: {version: a}}}, objective: {atLeast: 99%}}",
            ["spec.sli.ratio.good.version: the versions are told apart by Croupier itself. Remove 'version'."],
        ),
        (
            "{sli: {ratio: {metric: 'm{o=1}', good: {o: a}}}, objective: {atLeast: 99%}}",
            [
                (
                    "spec.sli.ratio.metric: \"m{o=1}\" is no metric name: use letters, digits, '_' and ':'. "
                    "Write the name only; labels go into 'match', 'total' or 'good'."
                )
            ],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 0ms}}, objective: {atLeast: 95%}}",
            [
                (
                    "spec.sli.latency.threshold: a threshold of 0 seconds is not possible. "
                    "Write a duration above 0, for example 400ms."
                )
            ],
        ),
        (
            "{sli: {latency: {metric: m}}, objective: {atLeast: 95%}}",
            ["spec.sli.latency.threshold: 'threshold' is missing. Write for example: threshold: 400ms."],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 1s}}, by: psp, objective: {atLeast: 95%}}",
            ['spec.by: expected a list, found the text "psp". Write [psp].'],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 1s}}, by: [psp, psp], objective: {atLeast: 95%}}",
            ["spec.by[1]: 'psp' is named twice. Remove one."],
        ),
        (
            (
                "{sli: {latency: {metric: m, threshold: 1s}}, objective: {atLeast: 95%}, "
                "rule: {interval: 0s, consecutive: 0, minSamples: '20'}}"
            ),
            [
                "spec.rule.consecutive: 0 is out of range. Write a whole number from 1 to 1000.",
                'spec.rule.minSamples: expected a whole number, found the text "20". Write 20, without quotes.',
            ],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 1s}}, objective: {atLeast: 95%}, rule: {interval: 0s}}",
            ["spec.rule.interval: 0 seconds is not possible. Write for example 10s."],
        ),
        (
            "{sli: {latency: {metric: m, threshold: 1s}}, objective: {atLeast: 95%}, rule: {window: 5s}}",
            [
                (
                    "spec.rule.window: the window (5s) is shorter than the interval (10s), so what happens between two "
                    "looks would never be seen. Make it at least as long as the interval."
                )
            ],
        ),
    ],
)
def test_refused_gates(spec: str, expected: list[str]) -> None:
    text = f"apiVersion: croupier/v1\nkind: Gate\nmetadata: {{name: g}}\nspec: {spec}\n"
    assert [without_column(problem) for problem in found(text)] == expected


@pytest.mark.parametrize(
    "version, expected",
    [
        (
            "latest",
            "'latest' is a name that moves; a release never changes. Write the version itself, for example 1.4.0.",
        ),
        ("v1", "'v1' is no full version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH). Write 1.0.0."),
        ("v1.2.3", "'v1.2.3' is a tag, not a version. Write 1.2.3."),
        ("1.2.3.4", "'1.2.3.4' is no version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH). Write for example 1.4.0."),
        ("01.2.3", "'01.2.3' is no full version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH). Write 1.2.3."),
        (
            "1.10",
            ("expected a version, found the number 1.10; YAML reads 1.10 as 1.1. Write all three parts: 1.10.0."),
        ),
        ("'1.1'", "'1.1' is no full version (Semantic Versioning 2.0: MAJOR.MINOR.PATCH). Write 1.1.0."),
        ("2", "expected a version, found the number 2; YAML reads 1.10 as 1.1. Write all three parts: 2.0.0."),
        ("true", "expected a version, found the truth value true. Write for example 1.4.0."),
        ("[1]", "expected a version, found a list. Write for example 1.4.0."),
    ],
)
def test_refused_versions(version: str, expected: str) -> None:
    text = f"{SERVICE}apiVersion: croupier/v1\nkind: Release\nspec: {{service: payments, version: {version}}}\n"
    assert found(text) == [f"11:36 spec.version: {expected}"]


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "apiVersion: croupier/v1\nkind: Servce\n",
            [(f"2:7 kind: unknown kind 'Servce'; did you mean 'Service'? Known are {KINDS_KNOWN}.")],
        ),
        (
            "apiVersion: croupier/v1\nkind: Notifier\n",
            [
                (
                    "2:7 kind: unknown kind 'Notifier'. Notifiers are not applied: keep them in a file "
                    "that CROUPIER_NOTIFIERS_FILE names to 'croupier serve'."
                )
            ],
        ),
        (
            "kind: Segment\nmetadata: {name: s}\nspec: {match: {market: DE}}\n",
            ["1:1 apiVersion: 'apiVersion' is missing. Write apiVersion: croupier/v1."],
        ),
        (
            "services: {}\n",
            [
                "1:1 apiVersion: 'apiVersion' is missing. Write apiVersion: croupier/v1.",
                (f"1:1 kind: 'kind' is missing. Write one of {KINDS_KNOWN}."),
            ],
        ),
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n",
            [
                (
                    "1:13 apiVersion: unknown apiVersion 'argoproj.io/v1alpha1'. "
                    "Make our Rollout of it: croupier import argo FILE. Its spec.strategy pastes in by hand, too."
                )
            ],
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\n",
            [
                (
                    "1:13 apiVersion: unknown apiVersion 'apps/v1'. "
                    "Only croupier/v1 belongs here; move other files out of this directory."
                )
            ],
        ),
        (
            "apiVersion: croupier/v2\nkind: Gate\n",
            ["1:13 apiVersion: unknown apiVersion 'croupier/v2'. Write croupier/v1."],
        ),
        ("- a\n", ["1:1 expected a document, found a list. Start with: apiVersion: croupier/v1"]),
        (
            "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: s}\nspec: [{match: {market: DE}}]\n",
            ["4:7 spec: expected a mapping, found a list. Write 'key: value' pairs below it; known are match."],
        ),
        (
            "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: s}\nspec: {match: []}\n",
            ["4:15 spec.match: expected a mapping, found a list. Write for example: match: {market: [DE]}."],
        ),
        ("5\n", ["1:1 expected a document, found the number 5. Start with: apiVersion: croupier/v1"]),
        ("", ["1:1 the file is empty. Write a document, or remove the file."]),
        ("# nothing yet\n---\n", ["1:1 the file is empty. Write a document, or remove the file."]),
        (
            "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: s}\nspec: {match: {market: [NO, true, 7]}}\n",
            [
                '4:29 spec.match.market[1]: expected text, found the truth value true. Put it in quotes: "true".',
                '4:35 spec.match.market[2]: expected text, found the number 7. Put it in quotes: "7".',
            ],
        ),
        (
            "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: German Players}\nspec: {match: {}}\n",
            [
                (
                    "3:18 metadata.name: \"German Players\" is no name: use a-z, 0-9, '-' and '.', "
                    "with a letter or digit at both ends. Write german-players."
                ),
                "4:15 spec.match: this is empty. Write at least one.",
            ],
        ),
        (
            "apiVersion: croupier/v1\nkind: Segment\nspec: {mach: {market: DE}}\n",
            [
                "1:1 metadata: 'metadata' is missing. Write for example: metadata: {name: payments}.",
                "3:8 spec.mach: unknown field 'mach'; did you mean 'match'? Known here: match.",
            ],
        ),
        (
            """\
            apiVersion: croupier/v1
            kind: Service
            metadata: payments
            spec:
              routes: [{prefix: payments}, {prefix: /a/}, {prefix: /b/../c}]
              identity: x-player-id
              attributes: {market: X-Forwarded-For, brand: x brand}
              process:
                command: "python -m payments {port}"
                env: [{name: PORT, value: "{port}"}]
                instances: 0
                health: /healthz
                drain: fast
                limits: {memory: 512MB, openFiles: many}
            """,
            [
                '3:11 metadata: expected a mapping, found the text "payments". Write {name: payments}.',
                '5:21 spec.routes[0].prefix: "payments" is no path. Write /payments.',
                '5:41 spec.routes[1].prefix: "/a/" has a slash too many. Write /a.',
                "5:56 spec.routes[2].prefix: \"/b/../c\" is no plain path: no '..', query, fragment or spaces.",
                '6:13 spec.identity: expected a mapping, found the text "x-player-id". Write {header: x-player-id}.',
                (
                    "7:24 spec.attributes.market: 'x-forwarded-for' is an address, and says nothing of a player: many "
                    "are behind one, and one has many. Write a header that says something of the player, such as "
                    "x-market."
                ),
                (
                    '7:48 spec.attributes.brand: "x brand" is no name of a header that passes the edge. '
                    "Write for example x-market."
                ),
                (
                    '9:14 spec.process.command: expected a list, found the text "python -m payments {port}". '
                    'Write [python, -m, payments, "{port}"].'
                ),
                (
                    "10:10 spec.process.env: expected a mapping, found a list. "
                    "Write NAME: value pairs, without 'name:' and 'value:'."
                ),
                "11:16 spec.process.instances: 0 is out of range. Write a whole number from 1 to 100.",
                '12:13 spec.process.health: expected a mapping, found the text "/healthz". Write {path: /healthz}.',
                (
                    '13:12 spec.process.drain: expected a duration, found the text "fast". '
                    "Write for example 90s, 5m or 1h30m."
                ),
                '14:22 spec.process.limits.memory: expected a size, found the text "512MB". Write 512Mi.',
                (
                    '14:40 spec.process.limits.openFiles: expected a whole number, found the text "many". '
                    "Write a number from 16 to 1048576."
                ),
            ],
        ),
        (
            """\
            apiVersion: croupier/v1
            kind: Service
            metadata: {name: s}
            spec:
              routes: [{prefix: /s}, {prefix: /s}]
              process: {command: [serve], health: {startTimeout: 0s}, env: {ON: on, N: no}}
            """,
            [
                "5:35 spec.routes[1].prefix: '/s' is written twice. Remove one.",
                (
                    "6:22 spec.process.command: the process is never told its port. "
                    'Add "{port}" to the command or to a variable in env.'
                ),
                "6:54 spec.process.health.startTimeout: no process can start in 0 seconds. Write for example 30s.",
            ],
        ),
        (
            """\
            apiVersion: croupier/v1
            kind: Service
            metadata: {name: s}
            spec:
              routes: []
              process: {command: [serve, "{prot}"], env: {A: 1, B: true, "C D": e, F: "", G: {}}}
            """,
            [
                "5:11 spec.routes: this is empty. Write at least one.",
                '6:50 spec.process.env.A: expected text, found the number 1. Put it in quotes: "1".',
                '6:56 spec.process.env.B: expected text, found the truth value true. Put it in quotes: "true".',
                (
                    '6:62 spec.process.env.C D: "C D" is no name of an environment variable. '
                    "Write for example LOG_LEVEL."
                ),
                "6:82 spec.process.env.G: expected text, found a mapping.",
            ],
        ),
        (
            """\
            apiVersion: croupier/v1
            kind: Service
            metadata: {name: s}
            spec:
              routes: [{prefix: /s}]
              process: {command: [serve, "{prot}"]}
            """,
            [
                (
                    "6:30 spec.process.command[1]: the placeholder {prot} is unknown. "
                    "Known are {port}, {version}, {service}, {instance}."
                ),
            ],
        ),
        (
            """\
            apiVersion: croupier/v1
            kind: Rollout
            metadata: {name: r}
            spec:
              selector: {}
              strategy:
                blueGreen: {}
                canary: {trafficRouting: {}, steps: {setWeight: 5}}
            """,
            [
                (
                    "5:3 spec.selector: 'selector' is not used here. "
                    "It belongs to Kubernetes; write service: <name> instead."
                ),
                (
                    "7:5 spec.strategy: 'canary' and 'blueGreen' cannot stand together: "
                    "exactly one of canary and blueGreen is allowed. Remove all but one."
                ),
                (
                    "8:14 spec.strategy.canary.trafficRouting: 'trafficRouting' is not used here. "
                    "Croupier moves the traffic itself, by player; remove it."
                ),
                (
                    "8:41 spec.strategy.canary.steps: expected a list, found a mapping. "
                    "Write one item per line, each after '- '."
                ),
            ],
        ),
    ],
)
def test_refused_documents(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "field, expected",
    [
        (
            "identity: {header: x-envoy-player}",
            "'x-envoy-player' is internal: the edge removes it from every request. Name it otherwise.",
        ),
        ("identity: {header: player_id}", '"player_id" is no name of a header that passes the edge. Write player-id.'),
        (
            "identity: {header: X-Forwarded-For}",
            (
                "'x-forwarded-for' is an address, not a player: many players are behind one address and would move "
                "together, and one player has many and would change versions on the way. Write the header that carries "
                "the account's id, such as x-player-id."
            ),
        ),
        ('identity: {header: "x\\0"}', "a text cannot hold the character NUL. Remove it."),
        ("identity: {header: ''}", "expected text, found an empty one."),
        (
            "identity: {header: " + "x" * 20_000 + "}",
            "this text is too long: 20000 characters, at most 16384. Write less.",
        ),
        (
            "identity: {header: " + "ä" * 90 + "}",
            f'"{"ä" * 60}…" is no name of a header that passes the edge. Write for example x-market.',
        ),
    ],
)
def test_refused_headers(field: str, expected: str) -> None:
    (problem,) = found(SERVICE.removesuffix("---\n").replace("attributes", f"{field}\n  attributes"))
    assert problem == f"6:22 spec.identity.header: {expected}"


@pytest.mark.parametrize(
    "identity, expected",
    [
        ("{ip: true}", "spec.identity.ip: 'ip' is not used here. Many players are behind one address"),
        ("{jwt: {claim: sub}}", "spec.identity.jwt: 'jwt' is not used here. The edge verifies tokens for all services"),
    ],
)
def test_players_are_told_apart_by_no_address_and_tokens_are_the_edges(identity: str, expected: str) -> None:
    (problem,) = found(SERVICE.removesuffix("---\n").replace("attributes", f"identity: {identity}\n  attributes"))
    assert expected in problem


@pytest.mark.parametrize(
    "affinity, expected",
    [
        ("{path: /cb/psp}", "6:20 spec.affinity.path: \"/cb/psp\" does not say where the id is: '{id}' has to"),
        (
            "{query: 'a[b]'}",
            '6:21 spec.affinity.query: "a[b]" is no plain name of a query parameter: use letters, digits',
        ),
    ],
)
def test_places_that_carry_no_id(affinity: str, expected: str) -> None:
    (problem,) = found(SERVICE.removesuffix("---\n").replace("attributes", f"affinity: {affinity}\n  attributes"))
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    "identity, expected",
    [
        ("{}", "exactly one of header and cookie is needed, there is none. Add one."),
        (
            "{header: x-a, cookie: a}",
            (
                "'header' and 'cookie' cannot stand together: exactly one of header and cookie is allowed. "
                "Remove all but one."
            ),
        ),
    ],
)
def test_players_are_told_apart_by_one_thing(identity: str, expected: str) -> None:
    (problem,) = found(SERVICE.removesuffix("---\n").replace("attributes", f"identity: {identity}\n  attributes"))
    assert problem == f"6:13 spec.identity: {expected}"


def test_a_segment_holds_values_that_a_header_can_have() -> None:
    text = "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: s}\nspec: {match: {market: [' DE ', \"a\\tb\"]}}\n"
    assert found(text) == [
        '4:25 spec.match.market[0]: " DE " cannot be the value of a header. Write "DE".',
        '4:33 spec.match.market[1]: "a\\tb" cannot be the value of a header. Write "a b".',
    ]


def test_a_long_list_is_refused_before_it_is_looked_at() -> None:
    steps = ", ".join(["{setWeight: 5}"] * 201)
    assert rollout(steps) == ["steps: this is too long: at most 200 are possible. Remove some."]
