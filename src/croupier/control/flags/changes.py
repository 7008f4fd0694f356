"""What people do with flags: declare, kill, restore, renew, archive. All of a request or nothing, in one version.

The one door for the API, files, the page and presets: checked, decided on what is recorded, recorded, sent out.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from croupier.control.flags.killing import Kills, known
from croupier.control.flags.recording import MANY, Changed, Decided, Effect, Happening, Keep, Recorder
from croupier.control.flags.surroundings import surroundings
from croupier.control.recording import Who
from croupier.core.experiments.fit import disturbed
from croupier.core.flags.check import advise, check, misplaced, rules_of
from croupier.core.flags.events import FlagArchived, FlagDeclared, FlagEvent, FlagRenewed
from croupier.core.flags.model import Flag
from croupier.core.flags.read import LATEST_AT
from croupier.core.flags.state import FlagState
from croupier.core.flags.types import complete
from croupier.core.flags.write import digest_of, write_flag
from croupier.errors import Conflict, Problem, Rejected

MOST_FLAGS: Final = 100_000
"""A request may declare so many."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The declarations of a request, decided on the ruleset's ``version``."""

    version: int
    decided: Decided
    flags: Mapping[str, Flag]
    """As they will be, completed."""


@dataclass(frozen=True, slots=True)
class FlagChanges:
    """The use cases of flags. ``kills`` are its own noun, since they must work without the store."""

    recorder: Recorder
    kills: Kills

    async def declare(
        self,
        flags: Sequence[Flag],
        *,
        actor: str,
        reason: str = "",
        expected: Mapping[str, int] | None = None,
        dry_run: bool = False,
        answer: Keep | None = None,
    ) -> Changed:
        """Record every flag that differs from what is recorded (or, in a dry run, say what that would do). ``expected``
        are the versions that the writer saw (0: no such flag). Raises ``Conflict`` where one is another by now,
        ``Rejected`` with all problems of all flags. Their paths, and those of warnings, begin with the flag's place in
        ``flags``.
        """
        await self._settled(expected or ())
        if dry_run:
            await self.recorder.book.refresh()
            plan = await self.plan(flags, actor=actor, expected=expected)
            return Changed((), plan.version, warnings=plan.decided.warnings, effects=plan.decided.effects)

        async def decide() -> Decided:
            return (await self.plan(flags, actor=actor, expected=expected)).decided

        return await self.recorder.record(decide, Who(actor, "declare", reason), answer=answer)

    async def plan(
        self,
        flags: Sequence[Flag],
        *,
        actor: str,
        expected: Mapping[str, int] | None = None,
        segments: Collection[str] = (),
    ) -> Plan:
        """What ``declare`` would do now; for those who record it together with something else. ``segments`` are
        declared in the same breath.
        """
        if len(flags) > MOST_FLAGS:
            raise Rejected(f"{len(flags)} flags are too many for one request.", hint=f"Send up to {MOST_FLAGS}.")
        work = (flags, actor, expected or {}, segments, self.recorder.clock.now())
        return await asyncio.to_thread(self._planned, *work) if _takes_long(flags) else self._planned(*work)

    async def kill(
        self, key: str, *, actor: str, reason: str, at: float | None = None, answer: Keep | None = None
    ) -> Changed:
        """As ``Kills.kill``."""
        return await self.kills.kill(key, actor=actor, reason=reason, at=at, answer=answer)

    async def restore(self, key: str, *, actor: str, reason: str = "", answer: Keep | None = None) -> Changed:
        """As ``Kills.restore``."""
        return await self.kills.restore(key, actor=actor, reason=reason, answer=answer)

    async def renew(
        self,
        key: str,
        until: float,
        *,
        actor: str,
        reason: str = "",
        expected: int | None = None,
        answer: Keep | None = None,
    ) -> Changed:
        """Let it live until then (epoch seconds); a reverted flag works again. Raises ``Rejected`` for a flag that does
        not expire, for a time that is over, and for one after the year 9999, which nobody could write down.
        """
        if not self.recorder.clock.now() < until <= LATEST_AT:
            raise Rejected("A flag is renewed until a day to come.", hint="Write one before the year 10000.")

        def decide(state: FlagState) -> Sequence[FlagEvent]:
            if state.expires_at is None:
                raise Rejected(f"{key} does not expire.", hint="Declare it with an expiry if it should.")
            return (FlagRenewed(until),) if (state.expires_at, state.reverted_at) != (until, None) else ()

        return await self._change(key, decide, Who(actor, "renew", reason), expected, answer)

    async def archive(
        self,
        key: str,
        *,
        actor: str,
        reason: str = "",
        expected: int | None = None,
        answer: Keep | None = None,
    ) -> Changed:
        """Take it away from clients, for good; its history stays. Raises ``Conflict`` while others require it."""

        def decide(_: FlagState) -> Sequence[FlagEvent]:
            others = sorted(self.recorder.book.requiring(key))
            if others:
                raise Conflict(
                    f"{', '.join(others[:10])} require{'s' if len(others) == 1 else ''} {key}.",
                    hint="Change or archive them first.",
                )
            return (FlagArchived(),)

        return await self._change(key, decide, Who(actor, "archive", reason), expected, answer)

    async def _change(
        self,
        key: str,
        decide_one: Callable[[FlagState], Sequence[FlagEvent]],
        who: Who,
        expected: int | None,
        answer: Keep | None,
    ) -> Changed:
        await self._settled(() if expected is None else (key,))

        async def decide() -> Decided:
            state = await known(self.recorder, key)
            _expect(key, state, expected)
            events = tuple(decide_one(state))
            return Decided((Happening(key, events),) if events else ())

        changed = await self.recorder.record(decide, who, answer=answer)
        return changed if changed.states else replace(changed, states=(await known(self.recorder, key),))

    async def _settled(self, keys: Iterable[str]) -> None:
        """Record the kills of these flags that wait: until then the versions that people see of them are to come.
        Raises ``Transient`` while that cannot be done.
        """
        if not self.recorder.book.unrecorded.isdisjoint(keys):
            await self.kills.settle()

    def _planned(
        self, flags: Sequence[Flag], actor: str, expected: Mapping[str, int], segments: Collection[str], now: float
    ) -> Plan:
        book = self.recorder.book
        version = book.version
        whole = [complete(flag, actor=actor, now=now, before=book.recorded(flag.key)) for flag in flags]
        declared = {flag.key: flag for flag in whole}
        around = surroundings(book, declared, segments)
        problems = [*_twice(whole)]
        warnings: list[Problem] = []
        happenings: list[Happening] = []
        effects: list[tuple[str, Effect]] = []
        for index, (written, flag) in enumerate(zip(flags, whole, strict=True)):
            state = book.recorded(flag.key)
            _expect(flag.key, state, expected.get(flag.key))
            source = write_flag(flag)
            digest = digest_of(source)
            effect = _effect(state, digest)
            effects.append((flag.key, effect))
            if effect is not Effect.UNCHANGED:
                before = None if state is None else state.flag
                problems += _placed(index, (*check(flag, around), *misplaced(flag, around, before)))
                warnings += _placed(index, (*_filled_in(written, flag), *advise(_renewed(flag, state), around, now)))
                warnings += _placed(index, _killed(flag, book.state(flag.key)))
                warnings += _placed(index, disturbed(state, flag) if state is not None else ())
                happenings.append(Happening(flag.key, (FlagDeclared(source, digest),), declared=flag))
        if problems:
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            raise Rejected(f"The flags are wrong: {problems[0]}{more}", problems=tuple(problems))
        return Plan(version, Decided(tuple(happenings), tuple(warnings), tuple(effects)), declared)


def _takes_long(flags: Sequence[Flag]) -> bool:
    """Whether a kill would wait noticeably while these are judged."""
    return len(flags) > MANY or sum(1 for flag in flags for _ in rules_of(flag)) > MANY


def _placed(index: int, problems: Iterable[Problem]) -> Iterator[Problem]:
    return (replace(problem, path=(index, *problem.path)) for problem in problems)


def _filled_in(written: Flag, flag: Flag) -> Iterator[Problem]:
    """What the author left out, and what stands there now."""
    if written.owner != flag.owner:
        yield Problem(f"no owner is named, so it is {flag.owner}.", ("owner",))
    if written.expires_at != flag.expires_at and flag.expires_at is not None:
        day = datetime.fromtimestamp(flag.expires_at, UTC).date()
        yield Problem(
            f"no expiry is named, so it expires on {day}.", ("expires_at",), "Renew it if you need it longer."
        )


def _killed(flag: Flag, state: FlagState | None) -> Iterator[Problem]:
    """What hides the edit: the kills that outlive it, and the one that it declares."""
    for kill in state.kills if state is not None else ():
        if not kill.declared:
            hint = "Nobody notices this edit before it is restored."
            yield Problem(f"the flag stays killed, by {kill.text}.", ("killed",), hint)
    if flag.kill_switch:
        yield Problem(f"it is killed by this: everybody gets '{flag.safe}', whatever its rules say.", ("kill_switch",))


def _renewed(flag: Flag, state: FlagState | None) -> Flag:
    """The flag with the end that it will have: a renewal outlives declarations with the same expiry."""
    if state is None or flag.expires_at != state.flag.expires_at:
        return flag
    return replace(flag, expires_at=state.expires_at)


def _expect(key: str, state: FlagState | None, version: int | None) -> None:
    if version is None:
        return
    found = 0 if state is None or state.archived else state.version
    if found != version:
        is_now = f"is at version {found}" if found else "does not exist"
        seen = f"{is_now}, not at {version}" if version else f"exists already, at version {found}"
        raise Conflict(f"The flag {key} {seen}.", hint="Read it again, then decide.")


def _effect(state: FlagState | None, digest: str) -> Effect:
    if state is None or state.archived:
        return Effect.CREATED
    return Effect.UNCHANGED if state.digest == digest else Effect.UPDATED


def _twice(flags: Iterable[Flag]) -> Iterable[Problem]:
    seen: set[str] = set()
    for index, flag in enumerate(flags):
        if flag.key in seen:
            yield Problem(f"'{flag.key}' is declared twice.", (index, "feature"), "Keep one of them.")
        seen.add(flag.key)
