"""Runs one smoke check against one version: reads its secrets, plays it, and tells it without them.

Used by the control loop's runner and by ``croupier smoke run``: the same check, whoever runs it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import structlog

from croupier.adapters.smoke.command import end_leftovers, run_command
from croupier.adapters.smoke.scenario import Scenario
from croupier.adapters.smoke.secrets import read_secret, redacted
from croupier.control.ports import VersionKey
from croupier.core.smoke import CheckResult, Command, Outcome, SmokeCheck, StepResult

SECRET_PREFIX: Final = "SMOKE_"  # noqa: S105 - where secrets are, not one
"""What environment variables of checks begin with."""
_MOST_STEPS: Final = 60
_SAID: Final = 300
_CLEANUP_S: Final = 15.0

_log = structlog.get_logger(__name__)

Sign = Callable[[Sequence[VersionKey], float], str | None]
"""A token for these versions that lives for so many seconds; none where nobody asks for a version."""


@dataclass(frozen=True, slots=True)
class SmokeSettings:
    """Where the edge is (``http://127.0.0.1:8080``), and where secrets are. Commands run in folders of ``run_dir``,
    which is the control plane's alone; without it, somewhere.
    """

    address: str
    env: Mapping[str, str] = field(default_factory=dict)
    secrets_dir: Path | None = None
    run_dir: Path | None = None


class CheckRunner:
    """Runs checks, as ``SmokeRunner``. ``start`` ends what a killed control plane left running, ``stop`` waits for
    cleanups that are under way.
    """

    def __init__(self, settings: SmokeSettings, sign: Sign) -> None:
        self._settings = settings
        self._sign = sign
        self._cleaning: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Commands outlive a control plane that is killed. They run again, so that these must end before."""
        if (run_dir := self._settings.run_dir) is not None:
            run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if ended := await asyncio.to_thread(end_leftovers, run_dir):
                _log.warning("smoke_commands_ended", processes=ended, of="a control plane that was killed")

    async def run(self, check: SmokeCheck, key: VersionKey, others: Sequence[VersionKey] = ()) -> CheckResult:
        """See ``SmokeRunner.run``."""
        secrets = await asyncio.to_thread(self._secrets, check)
        versions = (key, *others)
        token = self._sign(versions, check.timeout_s + 60.0)
        hidden = [*secrets.values(), *([token] if token else [])]
        began = time.monotonic()
        if check.command is not None:
            result = await self._command(check, check.command, versions, secrets, token, hidden)
        else:
            result = await self._scenario(check, key, secrets, token, hidden)
        return _told(replace(result, seconds=round(time.monotonic() - began, 3)), hidden)

    async def stop(self) -> None:
        """Wait for cleanups under way; each is bounded."""
        if self._cleaning:
            await asyncio.wait(self._cleaning)

    def _secrets(self, check: SmokeCheck) -> dict[str, str]:
        """Secrets by name: fields of accounts (``player.login``), a command's variables."""
        named = {f"{account.name}.{name}": ref for account in check.accounts for name, ref in account.fields}
        named |= dict(check.command.secrets) if check.command is not None else {}
        return {name: read_secret(ref, self._settings.env, self._settings.secrets_dir) for name, ref in named.items()}

    async def _scenario(
        self, check: SmokeCheck, key: VersionKey, secrets: Mapping[str, Any], token: str | None, hidden: list[str]
    ) -> CheckResult:
        client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        known = {**secrets, "service": key.service, "version": key.version}
        scenario = Scenario(check, client, self._settings.address.rstrip("/"), token, known, hidden)
        steps: list[StepResult] = []
        said: str | None = None
        try:
            async with asyncio.timeout(check.timeout_s):
                said = await scenario.play(steps)
        except TimeoutError:
            said = f"not done within {check.timeout_s:g} s, after {len(steps)} of {len(check.steps)} steps"
        except BaseException:
            # Whoever cancels us has players to move, and does not wait for our cleaning up.
            self._clean_up_later(scenario)
            raise
        cleaned: list[StepResult] = []
        await _clean_up(scenario, cleaned)
        passed = said is None
        words = said or ("1 step" if len(check.steps) == 1 else f"{len(check.steps)} steps")
        return CheckResult(check.name, Outcome.PASSED if passed else Outcome.FAILED, words, 0.0, (*steps, *cleaned))

    async def _command(
        self,
        check: SmokeCheck,
        command: Command,
        versions: Sequence[VersionKey],
        secrets: Mapping[str, str],
        token: str | None,
        hidden: list[str],
    ) -> CheckResult:
        address = self._settings.address.rstrip("/")
        places = {"address": address, "service": versions[0].service, "version": versions[0].version}
        named = " ".join(f"{key.service}={key.version}" for key in versions if key.service)
        variables = {
            **dict(command.env),
            **secrets,
            **{f"CROUPIER_SMOKE_{name.upper()}": value for name, value in places.items()},
            "CROUPIER_SMOKE_VERSIONS": named,
            "CROUPIER_SMOKE_TOKEN": token or "",
        }
        tell = partial(redacted, secrets=hidden)
        ran = await run_command(command, variables, places, check.timeout_s, tell, self._settings.run_dir)
        passed = ran.failed is None
        words = ran.failed or (f"{len(ran.tests)} tests" if ran.tests else "exit code 0")
        return CheckResult(check.name, Outcome.PASSED if passed else Outcome.FAILED, words, 0.0, ran.tests, ran.tail)

    def _clean_up_later(self, scenario: Scenario) -> None:
        task = asyncio.create_task(_clean_up(scenario, []), name="smoke-cleanup")
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)


async def _clean_up(scenario: Scenario, results: list[StepResult]) -> None:
    try:
        async with asyncio.timeout(_CLEANUP_S):
            await scenario.clean_up(results)
    except TimeoutError:
        results.append(StepResult("cleanup", Outcome.FAILED, f"not done within {_CLEANUP_S:g} s"))
    finally:
        await scenario.client.aclose()


def _told(result: CheckResult, secrets: list[str]) -> CheckResult:
    """The result as it is recorded: short, failures first where there are too many steps, and without secrets."""

    def short(text: str, most: int = _SAID) -> str:
        text = _recordable(redacted(text, secrets))
        return text if len(text) <= most else f"{text[: most - 1]}…"

    steps = list(result.steps)
    if len(steps) > _MOST_STEPS:
        steps = sorted(steps, key=lambda step: step.outcome is not Outcome.FAILED)[:_MOST_STEPS]
    told = tuple(replace(step, name=short(step.name, 120), said=short(step.said)) for step in steps)
    return replace(result, said=short(result.said), steps=told, tail=_recordable(redacted(result.tail, secrets)))


def _recordable(text: str) -> str:
    """The text without what no record can hold: JSON may bring halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
