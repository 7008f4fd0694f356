"""The flags of one environment, answered in this process: ``FlagClient``.

Asking never raises, never waits and never dials, so the same calls serve threads, asyncio and signal handlers. What it
takes to stay up to date goes on in the background.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload
from weakref import finalize

from croupier.core.flags.evaluate import Compiled, Context
from croupier.core.flags.outcome import Failed, Outcome
from croupier.core.flags.ruleset import Ruleset
from croupier.core.flags.snapshot import snapshot
from croupier.sdk.background import Background
from croupier.sdk.decisions.log import DecisionLog
from croupier.sdk.details import Details
from croupier.sdk.exposures import Exposures
from croupier.sdk.held import Held, Listener
from croupier.sdk.known import LARGEST, Known, default_cache, read_known
from croupier.sdk.rules import Rules, read_rules
from croupier.sdk.status import Status

if TYPE_CHECKING:
    from croupier.sdk.connection import Connection

T = TypeVar("T")

DEFAULT_CACHE: Final = Path()
"""The last known good in the user's cache folder, under a name made of the URL and the environment."""

_NOTHING: Final[Context] = MappingProxyType({})
_NO_RUNS: Final[Mapping[str, Compiled]] = MappingProxyType({})
_overridden: ContextVar[Mapping[int, Ruleset]] = ContextVar("croupier_flags_overridden", default=MappingProxyType({}))
"""The rulesets of ``override`` by their client, in this thread or task."""


class FlagClient:
    """Flags of ``environment`` from the control plane at ``url``; ``token`` has the role client.

    Starts with the newer of ``bootstrap`` (a file: a snapshot, or declarations as JSON) and ``cache`` (the last known
    good, ``None`` to keep none), and follows the server from then on, by stream. Without a URL it never dials. ``name``
    is how the server lists this client; made up of host and process if left out. Works on in children of a fork, which
    are listed as ``NAME-PID-RANDOM``. No file and no answer may hold more than ``largest`` bytes of flags.

    This raises nothing, whatever it is given and whatever files and servers do: ``status()`` and the log say what is
    wrong.

    The attributes of a player and a request are given by name, as one mapping that can be kept and used again, or both.
    The player is known by ``targetingKey``, else by ``user``.
    """

    def __init__(
        self,
        url: str = "",
        token: str = "",
        *,
        environment: str = "production",
        bootstrap: Path | str | None = None,
        cache: Path | str | None = DEFAULT_CACHE,
        decisions: DecisionLog | None = None,
        name: str = "",
        largest: int = LARGEST,
    ) -> None:
        connect = None
        if url:
            from croupier.sdk.connection import Connection  # costs a quarter of a second, which tests need not pay

            connect = lambda forked: Connection(url, token, environment, name, largest, forked=forked)  # noqa: E731
        path = None if cache is None or not url else Path(cache)
        if path == DEFAULT_CACHE:
            path = default_cache(url, environment)
        known = read_known(environment, None if bootstrap is None else Path(bootstrap), path, largest)
        self._begin(known, decisions, connect, path)

    @classmethod
    def from_rules(cls, rules: Rules, *, environment: str = "production", decisions: DecisionLog | None = None) -> Self:
        """A client of flags that are written here, which nothing changes: for tests and examples.

        Takes one declaration, a list of them, or a mapping of keys to declarations or plain values:
        ``{"payments_v2": True}``. Raises ``Rejected`` with the place of a mistake.
        """
        self = cls.__new__(cls)
        self._begin(Known(read_rules(rules, environment), "rules"), decisions)
        return self

    def _begin(
        self,
        known: Known,
        decisions: DecisionLog | None,
        connect: "Callable[[bool], Connection] | None" = None,
        cache: Path | None = None,
    ) -> None:
        environment = known.snapshot.environment
        self.environment = environment
        self._troubles = known.troubles
        self._held = Held(known.snapshot, known.source, decisions)
        self._ruleset = self._held.ruleset
        self._runs: Mapping[str, Compiled] = self._ruleset.runs
        self._overriding = 0
        self._decisions = decisions
        if decisions is not None:
            decisions.begin(environment)
        self._exposures = Exposures()
        self._background = Background(self._held, decisions, connect, cache, self._exposures)
        self._stop = finalize(self, self._background.stop)
        self._background.start()

    # Asking. The three are alike and written out, since a call more would cost a fifth of the time.

    def is_enabled(self, key: str, context: Context | None = None, /, **attributes: Any) -> bool:
        """Whether the flag's answer is ``true``. ``False`` for an unknown flag."""
        try:
            if attributes:
                context = {**context, **attributes} if context else attributes
            flag = self._runs[key]
            answer = flag.answer
            outcome = answer(flag, _NOTHING if context is None else context)
        except Exception:  # noqa: BLE001 -- total: whatever was given, there is an answer
            outcome = self._ask(key, context, attributes)
        outcome.count = count = outcome.count + 1
        if count <= outcome.limit:
            self._decided(key, outcome, context)
        return outcome.value is True

    @overload
    def value(self, key: str, default: T, context: Context | None = None, /, **attributes: Any) -> T: ...
    @overload
    def value(self, key: str, default: None = None, context: Context | None = None, /, **attributes: Any) -> Any: ...
    def value(self, key: str, default: Any = None, context: Context | None = None, /, **attributes: Any) -> Any:
        """The flag's value; ``default`` for an unknown flag, or one whose value is of another type than the default.

        Objects and lists are the caller's own.
        """
        try:
            if attributes:
                context = {**context, **attributes} if context else attributes
            flag = self._runs[key]
            answer = flag.answer
            outcome = answer(flag, _NOTHING if context is None else context)
        except Exception:  # noqa: BLE001 -- as above
            outcome = self._ask(key, context, attributes)
        outcome.count = count = outcome.count + 1
        if count <= outcome.limit:
            self._decided(key, outcome, context)
        value = outcome.value
        kind = type(value)
        if kind is type(default) and kind is not dict and kind is not list:
            return value
        return _fitting(outcome, default)[0]

    @overload
    def details(self, key: str, default: T, context: Context | None = None, /, **attributes: Any) -> Details[T]: ...
    @overload
    def details(
        self, key: str, default: None = None, context: Context | None = None, /, **attributes: Any
    ) -> Details[Any]: ...
    def details(
        self, key: str, default: Any = None, context: Context | None = None, /, **attributes: Any
    ) -> Details[Any]:
        """As ``value``, with the variant, the reason, the rule, the flag's version and the player's bucket."""
        try:
            if attributes:
                context = {**context, **attributes} if context else attributes
            flag = self._runs[key]
            answer = flag.answer
            outcome = answer(flag, _NOTHING if context is None else context)
        except Exception:  # noqa: BLE001 -- as above
            outcome = self._ask(key, context, attributes)
        outcome.count = count = outcome.count + 1
        if count <= outcome.limit:
            self._decided(key, outcome, context)
        value, error = outcome.value, None
        kind = type(value)
        if kind is not type(default) or kind is dict or kind is list:
            value, error = _fitting(outcome, default)
        return Details(key, value, outcome, _NOTHING if context is None else context, self._now(), error)

    def outcome(self, key: str, context: Context, /) -> Outcome:
        """The quickest full answer: the value, the variant, the reason, the rule and the version, in one object that is
        shared by all who get it. Counted like the others. Do not change what it holds.
        """
        try:
            flag = self._runs[key]
            answer = flag.answer
            outcome = answer(flag, context)
        except Exception:  # noqa: BLE001 -- as above
            outcome = self._ask(key, context, {})
        outcome.count = count = outcome.count + 1
        if count <= outcome.limit:
            self._decided(key, outcome, context)
        return outcome

    def variant(self, key: str, context: Context | None = None, /, **attributes: Any) -> str | None:
        """The variant that the player has, without giving it to them: for labels of metrics and logs. Counts neither as
        a decision nor for an experiment. ``None`` where the caller's default is the answer.
        """
        try:
            known = {**(context or {}), **attributes} if attributes else context
            return self._now().outcome(key, _NOTHING if known is None else known).variant
        except Exception:  # noqa: BLE001 -- total, as every question
            return None

    def _ask(self, key: str, context: Context | None, attributes: Mapping[str, Any]) -> Outcome:
        """The way of the first time, of overrides and of whatever is strange."""
        try:
            if attributes and context is not attributes:
                context = {**(context or {}), **attributes}
            return self._now().outcome(key, _NOTHING if context is None else context)
        except Exception as error:  # noqa: BLE001 -- as above
            detail = f"the flag could not be evaluated: {type(error).__name__}"
            return Failed("GENERAL", detail)

    def _now(self) -> Ruleset:
        """The ruleset that answers in this thread or task."""
        return _overridden.get().get(id(self), self._ruleset) if self._overriding else self._ruleset

    def _decided(self, key: str, outcome: Outcome, context: Context | None) -> None:
        """The decision log wants to hear of this one, or an experiment does."""
        decisions = self._decisions
        if self._overriding and id(self) in _overridden.get():
            outcome.limit = 0
            return
        if outcome.run is not None:
            with suppress(Exception):  # a player without an id is in no experiment
                self._exposures.exposed(outcome.run, outcome.variant, _NOTHING if context is None else context)
        if decisions is None:
            outcome.limit = 0 if outcome.run is None else sys.maxsize
            return
        try:
            flag = self._ruleset.compiled(key)
            decisions.decided(key, outcome, _NOTHING if context is None else context, flag)
        except Exception:  # noqa: BLE001 -- whatever tracing makes of it, an evaluation must not break
            outcome.limit = 0 if outcome.run is None else sys.maxsize

    @contextmanager
    def override(self, rules: Rules) -> Iterator[Self]:
        """Let flags answer otherwise inside of a ``with``, in this thread or task only: for tests.

        Takes what ``from_rules`` takes. Flags that require an overridden one see the override.
        """
        under = self._now().snapshot
        over = read_rules(rules, self.environment, under.version)
        lines = (f"{key}\t{rest}" for key, rest in {**under.lines, **over.lines}.items())
        mixed = Ruleset(snapshot(self.environment, under.lineage, under.version, lines), self._held.now)
        token = _overridden.set({**_overridden.get(), id(self): mixed})
        self._overriding += 1
        self._runs = _NO_RUNS
        try:
            yield self
        finally:
            _overridden.reset(token)
            self._overriding -= 1
            if not self._overriding:
                self._runs = self._ruleset.runs

    def track(
        self,
        event: str,
        context: Context | None = None,
        /,
        *,
        value: float | None = None,
        attributes: Mapping[str, Any] = _NOTHING,
        **player: Any,
    ) -> None:
        """Say what a player did: to the experiments that count it, and to the decision log. Never raises, never waits.

        The player is told as for the flags, as one mapping, by name, or both; ``value`` and ``attributes`` are of the
        event, for the decision log only.
        """
        with suppress(Exception):
            known: Context = {**(context or _NOTHING), **player} if player else context or _NOTHING
            self._exposures.tracked(event, known)
            if self._decisions is not None:
                self._decisions.tracked(event, known, value, dict(attributes))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of ``Changed``, ``Connected`` and ``Lost`` in a background thread; the answer ends it."""
        return self._held.listen(listener)

    def flag_keys(self) -> tuple[str, ...]:
        """The keys of all flags that are known."""
        return tuple(key for key in self._now().snapshot.lines if "/" not in key)

    @property
    def source(self) -> str:
        """Where the flags are from, see ``Status``."""
        return self._held.source

    def status(self) -> Status:
        """Where the flags are from, how new they are, and what is wrong, for health pages and for people."""
        snapshot, subscription = self._held.snapshot, self._background.subscription
        connected = subscription is not None and subscription.connected
        troubles = (self._background.trouble,) if subscription is None else subscription.troubles
        return Status(
            source=self.source,
            environment=self.environment,
            version=snapshot.version,
            lineage=snapshot.lineage,
            flags=len(self.flag_keys()),
            connected=connected,
            name="" if subscription is None else subscription.name,
            troubles=(*self._troubles, *filter(None, troubles)),
        )

    def wait_ready(self, timeout_s: float = 5.0) -> bool:
        """Wait until the server's flags are here, for those who would rather be late than start with what was known
        before. Answers whether they are; at once ``True`` where no server was asked for, and ``False`` where the one
        that was cannot be followed (``status()`` says why).
        """
        subscription = self._background.subscription
        if subscription is None:
            return not self._background.has_server
        return subscription.ready.wait(timeout_s)

    async def ready(self, timeout_s: float = 5.0) -> bool:
        """``wait_ready`` for asyncio."""
        return await asyncio.to_thread(self.wait_ready, timeout_s)

    def close(self) -> None:
        """End the background; flags answer as they last did. Done by itself when the interpreter exits."""
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)


def _fitting(outcome: Outcome, default: Any) -> tuple[Any, str | None]:
    """The value as the caller's type, or the caller's default and the error code."""
    if outcome.error is not None:
        return default, outcome.error
    value = outcome.value
    if default is None or type(value) is type(default):
        return outcome.fresh_value(), None
    if isinstance(default, float) and type(value) is int:
        return float(value), None
    if isinstance(default, Mapping) and isinstance(value, dict):
        return outcome.fresh_value(), None
    return default, "TYPE_MISMATCH"
