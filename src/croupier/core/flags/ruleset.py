"""One environment's flags as a client holds them: text until asked, compiled functions from then on.

Not a core of the server's: it is what the SDK, ``flag eval`` and the OFREP endpoint evaluate with. A change of one flag
compiles nothing but that flag, and that only when somebody asks for it again.
"""

import json
from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakValueDictionary

from croupier.core.flags import cel
from croupier.core.flags.cel.errors import Undecided
from croupier.core.flags.evaluate import Compiled, Context, always, compile_line
from croupier.core.flags.in_segment import segment_test
from croupier.core.flags.line import SEGMENT
from croupier.core.flags.outcome import Failed, Outcome
from croupier.core.flags.requirements import weigh
from croupier.core.flags.snapshot import Delta, Snapshot, apply, merge, split_line

_REQUIRES: Final = '"requires"'


class Ruleset:
    """The flags of one environment, ready to be asked. ``now`` gives epoch seconds, for rules that name the time.

    Asking is safe from any thread; changing (``replace``, ``follow``) is for one thread at a time.
    """

    def __init__(self, snapshot: Snapshot, now: Callable[[], float]) -> None:
        self.snapshot = snapshot
        self.runs: dict[str, Compiled] = {}
        """The compiled flags: look here first, then ``outcome``."""
        self._requiring: set[str] = set()
        self._now = now
        self._tests: WeakValueDictionary[str, cel.Test] = WeakValueDictionary()
        self._segments: dict[str, tuple[str, cel.Test]] = {}

    def outcome(self, key: str, context: Context) -> Outcome:
        """The flag's answer; an error outcome where there is no such flag or its line is damaged. Never raises."""
        flag = self.runs.get(key)
        if flag is None:
            flag = self.compiled(key)
        return flag.answer(flag, context)

    def compiled(self, key: str) -> Compiled:
        """The flag, compiled if it was not yet."""
        found = self.runs.get(key)
        while found is None:
            rest = None if SEGMENT in key else self.snapshot.lines.get(key)
            if rest is None:
                return self._unknown(key)
            made = self._compile(key, rest)
            if made.needs:
                self._requiring.add(key)
            found = self.runs.setdefault(key, made)  # threads that ask at the same time count on the same one
            if self.snapshot.lines.get(key) is not rest:  # it changed meanwhile, in another thread
                self.runs.pop(key, None)
                found = None
        return found

    def forget_compiled(self) -> None:
        """Compile everything again when it is asked for."""
        self.runs.clear()

    def follow(self, delta: Delta) -> set[str]:
        """Take the changed lines; the flags that were asked for before and are compiled anew from now on."""
        return self._become(apply(self.snapshot, delta), [split_line(line)[0] for line in delta.lines])

    def replace(self, fetched: Snapshot, asked: Snapshot | None = None) -> set[str]:
        """Take the fetched whole, as ``follow``; ``asked`` as in ``merge``."""
        return self._become(merge(self.snapshot, fetched, asked), tuple(self.runs))

    def _become(self, after: Snapshot, keys: Iterable[str]) -> set[str]:
        before, self.snapshot = self.snapshot, after
        changed = {key for key in keys if key in self.runs and before.lines.get(key) != after.lines.get(key)}
        # What requires other flags is looked at again: a requirement may have become a circle.
        requiring, self._requiring = self._requiring, set()
        return {key for key in changed | requiring if self.runs.pop(key, None) is not None}

    def _compile(self, key: str, rest: str) -> Compiled:
        try:
            if _REQUIRES in rest:
                weigh(key, self._requires)
            return compile_line(rest, self)
        except Exception as error:  # noqa: BLE001 -- total: a damaged line answers the caller's default, and says so
            detail = f"the flag cannot be used by this client: {type(error).__name__}: {error}"
            return Compiled(always, Failed("PARSE_ERROR", detail), self)

    def _unknown(self, key: str) -> Compiled:
        return Compiled(always, Failed("FLAG_NOT_FOUND", f"there is no flag '{key[:128]}'"), self)

    def _requires(self, key: str) -> list[str]:
        rest = self.snapshot.lines.get(key, "")
        return (
            [flag for flag, _ in json.loads(rest.partition("\t")[2]).get("requires", ())] if _REQUIRES in rest else []
        )

    def condition(self, text: str) -> cel.Test:
        """The compiled condition; equal texts share one."""
        test = self._tests.get(text)
        if test is None:
            test = cel.compile_condition(text, now=self._now, segment=self._segment)
            self._tests[text] = test
        return test

    def why(self, text: str, context: Context) -> str:
        """Why the condition cannot be decided for this context."""
        return cel.why(cel.parse(text), context, now=self._now, segment=self._segment)

    def _segment(self, name: str) -> cel.Test:
        """A test that always uses the segment as it is now."""
        return lambda context: self._segment_now(name)(context)  # noqa: PLW0108 -- looked up anew each time

    def _segment_now(self, name: str) -> cel.Test:
        rest = self.snapshot.lines.get(SEGMENT + name)
        if rest is None:
            raise Undecided(f"there is no segment '{name}'")
        kept = self._segments.get(name)
        if kept is None or kept[0] is not rest:
            kept = rest, segment_test(json.loads(rest.partition("\t")[2]))
            self._segments[name] = kept
        return kept[1]
