"""Two stacks and one switch: the steps that a ``blueGreen`` strategy stands for, and where their mistakes are written.

Made once, when the document is read, so that deciding, replaying and going back know steps only. Nobody has the new
version before the switch, so before it only what is measured (not counted) can be asked, and guards hold nothing back;
after it everybody has it, so that what only compares with the stable version is refused (``resolve``). Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from croupier.core.gates import AnalysisRule, Gate
from croupier.core.rollout.spec import Analysis, BlueGreen, Pause, RolloutSpec, SetWeight, Step
from croupier.core.rollout.state import RolloutState
from croupier.core.segments import BUCKETS
from croupier.errors import Problem

Path = tuple[str | int, ...]

AT: Final = ("spec", "strategy", "blueGreen")
"""Where the strategy is in a Rollout document."""

_WITHIN: Final = (("before",), ("prePromotionAnalysis",))
"""Fields that hold what the step of theirs holds."""
_CANARY: Final = ("spec", "strategy", "canary")


def steps_of(asked: BlueGreen) -> tuple[Step, ...]:
    """Up beside the old stack with nobody on it, checks, a person or the clock, everybody at once, the watch."""
    return tuple(step for step, _ in _placed(asked))


def _placed(asked: BlueGreen) -> Iterator[tuple[Step, Path]]:
    """The steps, each with the field of the document that asks for it."""
    if asked.checks is not None:
        yield asked.checks, ("before",)
    if asked.before:
        yield Analysis(asked.before), ("prePromotionAnalysis",)
    if asked.by_hand:
        yield Pause(), ("autoPromotionEnabled",)
    elif asked.wait_s:
        yield Pause(asked.wait_s), ("autoPromotionSeconds",)
    yield SetWeight(BUCKETS), ()
    if asked.watch_s:
        yield Pause(asked.watch_s), ("watch",)


def placed(spec: RolloutSpec, problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems of the spec's steps and guards, each with its place in the document as it was written."""
    for problem in problems:
        yield replace(problem, path=place(spec, problem.path)) if spec.blue_green is not None else problem


def place(spec: RolloutSpec, path: Path) -> Path:
    """The place in the document as it was written of what stands at ``path`` in one with canary steps."""
    if spec.blue_green is None or path[: len(_CANARY)] != _CANARY:
        return path
    match path[len(_CANARY) :]:
        case ("analysis", *rest):
            return (*AT, "postPromotionAnalysis", *rest)
        case ("steps", int() as index, *rest):
            field = tuple(_placed(spec.blue_green))[index][1]
            return (*AT, *field, *(rest[1:] if field in _WITHIN else ()))
        case _:
            return AT


def measured_before(state: RolloutState) -> tuple[str, ...]:
    """The gates that can look while nobody has the new version: those of the present step that measure."""
    step = state.current_step
    names = step.gates if isinstance(step, Analysis) else ()
    asked = [name for name in dict.fromkeys(names) if name not in state.waived]
    return tuple(name for name in asked if isinstance(state.plan.gate(name).rule, AnalysisRule))


def uncounted(spec: RolloutSpec, gates: Mapping[str, Gate]) -> Iterator[Problem]:
    """Gates asked before the switch that count what players do: there are none yet."""
    for position, name in enumerate(spec.blue_green.before if spec.blue_green is not None else ()):
        gate = gates.get(name)
        if gate is not None and not isinstance(gate.rule, AnalysisRule):
            yield Problem(
                f"gate '{name}' counts what players do, and before the switch the new version has none.",
                (*AT, "prePromotionAnalysis", "templates", position, "templateName"),
                "Name it in postPromotionAnalysis; before the switch ask gates that measure.",
            )


def wrong_blue_green(spec: RolloutSpec) -> Iterator[Problem]:
    """What does not go together in the strategy itself."""
    asked = spec.blue_green
    if asked is None:
        return
    if asked.by_hand and asked.wait_s is not None:
        yield Problem(
            "autoPromotionSeconds has no effect where autoPromotionEnabled is false.",
            (*AT, "autoPromotionSeconds"),
            "Remove one of the two.",
        )
    if spec.segment is not None:
        yield Problem(
            "blueGreen switches everybody at once, so it goes with no segment.",
            ("spec", "segment"),
            "Remove it, or write canary: with steps.",
        )
