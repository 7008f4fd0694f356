"""A scenario, played: one request after the other through the edge, each answer looked into before the next.

Nothing that moves money is ever sent twice, amounts are held against the bound just before they are sent, and what must
be cleaned up is, whatever happened before. Called by the runner.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx

from croupier.adapters.smoke.answers import Answer, Missing, broken, extracted, read_json, write_json
from croupier.adapters.smoke.secrets import looks_secret, redacted
from croupier.adapters.smoke.totp import totp
from croupier.core.smoke import Outcome, SmokeCheck, SmokeStep, StepResult
from croupier.core.smoke.override import NOT_RUNNING, REFUSED, TOKEN_HEADER
from croupier.core.smoke.variables import amounts_in, as_text, filled, filled_json
from croupier.errors import Transient

_LARGEST: Final = 1_000_000
_REFUSALS: Final = range(400, 500)
_GRANTED: Final = range(200, 300)


class Failed(Exception):
    """The step failed; the words say why."""


@dataclass(slots=True)
class Scenario:
    """One run of a check. ``known`` are values by name, secrets among them; nothing that is ``hidden`` is told, and
    what answers add to that is no less secret.
    """

    check: SmokeCheck
    client: httpx.AsyncClient
    address: str
    token: str | None
    known: dict[str, Any] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.known["run"] = str(uuid4())
        for name, text in self.check.variables:
            self.known[name] = filled(text, self.value)

    def value(self, name: str) -> Any:
        """What the name stands for. Raises ``Failed`` where nothing gave it a value."""
        if name == "uuid":
            return str(uuid4())
        if name.startswith("totp:"):
            return totp(as_text(self.value(name.removeprefix("totp:").strip())), self.clock())
        if name not in self.known:
            raise Failed(f"nothing gave ${{{name}}} a value")
        return self.known[name]

    async def play(self, results: list[StepResult]) -> str | None:
        """Play the steps, adding to ``results`` as they end; why the first failed, if one did. Raises ``Transient``
        where the edge cannot be reached, or does not lead there.
        """
        for position, step in enumerate(self.check.steps):
            result = await self._try(step)
            results.append(result)
            if result.outcome is Outcome.FAILED:
                left = self.check.steps[position + 1 :]
                results += [StepResult(other.name, Outcome.SKIPPED) for other in left]
                return f"step '{step.name}': {result.said}"
        return None

    async def clean_up(self, results: list[StepResult]) -> None:
        """Play every step of the cleanup. One that fails is told, and fails nothing."""
        for step in self.check.cleanup:
            try:
                result = await self._try(step)
            except Transient as trouble:
                result = StepResult(step.name, Outcome.FAILED, str(trouble))
            results.append(result)

    async def _try(self, step: SmokeStep) -> StepResult:
        began = time.monotonic()
        said = ""
        outcome = Outcome.PASSED
        try:
            answer = await self._sent(step)
            self._hold(step, answer)
        except Failed as failed:
            outcome, said = Outcome.FAILED, str(failed)
        except RecursionError:  # it can be read, and not be gone through
            outcome, said = Outcome.FAILED, "the answer is too deep"
        seconds = round(time.monotonic() - began, 3)
        if outcome is Outcome.PASSED and step.usually_s is not None and seconds > step.usually_s:
            said = f"slow: {seconds * 1000:.0f} ms, usually {step.usually_s * 1000:.0f} ms"
        return StepResult(step.name, outcome, said, seconds)

    async def _sent(self, step: SmokeStep) -> Answer:
        """Send the request; a read that got no answer again, if the step says so."""
        request = self._request(step)
        left = step.retries if request.method in ("GET", "HEAD", "OPTIONS") else 0
        while True:
            try:
                answer = await self._answer(request)
            except httpx.ConnectError as error:
                raise Transient(f"the edge at {self.address} cannot be reached: {error}.") from None
            except httpx.TimeoutException:
                trouble = f"no answer within {step.timeout_s:g} s"
            except httpx.HTTPError as error:
                trouble = f"no answer: {type(error).__name__}"
            else:
                _need_led(answer)
                return answer
            if not left:
                raise Failed(trouble)
            left -= 1
            request = self._request(step)

    def _request(self, step: SmokeStep) -> httpx.Request:
        asked = step.request
        headers = {name.lower(): filled(text, self.value) for name, text in asked.headers}
        path = filled(asked.path, self.value)
        content: str | None = None
        form: dict[str, str] | None = None
        body: Any = None
        if asked.json is not None:
            body = filled_json(read_json(asked.json), self.value)
            content = write_json(body)
            headers.setdefault("content-type", "application/json")
        elif asked.form:
            body = form = {name: filled(text, self.value) for name, text in asked.form}
        self._bounded(body)
        # Each by itself: of two of one name the service may take either.
        self._bounded([{name: text} for name, text in parse_qsl(urlsplit(path).query, keep_blank_values=True)])
        headers.setdefault("accept-encoding", "identity")
        if self.token is not None:
            headers[TOKEN_HEADER] = self.token
        try:
            return self.client.build_request(
                asked.method, self.address + path, headers=headers, content=content, data=form, timeout=step.timeout_s
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise Failed(f"this request cannot be sent: {error}") from None

    def _bounded(self, body: Any) -> None:
        """Nothing larger than the document permits leaves here, wherever the amount came from."""
        most = Decimal(self.check.max_amount) if self.check.max_amount is not None else None
        for name, amount in amounts_in(body, self.check.amount_fields):
            if amount is None or most is None or abs(amount) > most:
                what = "is no number" if amount is None else f"would be {amount}"
                raise Failed(f"not sent: '{name}' {what}, and maxAmount is {self.check.max_amount or 'not given'}")

    async def _answer(self, request: httpx.Request) -> Answer:
        answer = await self.client.send(request, stream=True)
        body = bytearray()
        try:
            if (encoding := answer.headers.get("content-encoding", "identity")) != "identity":
                # A small answer may unpack to gigabytes before anybody can count them.
                raise Failed(f"the answer is encoded ({encoding[:20]}), which was not asked for")
            async for part in answer.aiter_raw():
                body += part
                if len(body) > _LARGEST:
                    raise Failed(f"the answer has more than {_LARGEST} bytes")
        finally:
            await answer.aclose()
        try:
            text = body.decode(answer.charset_encoding or "utf-8", errors="replace")
        except (LookupError, ValueError):  # no such encoding, or one that is none for texts
            text = body.decode(errors="replace")
        return Answer(answer.status_code, dict(answer.headers.items()), text, self.told)

    def told(self, text: str) -> str:
        """The text without what must not be told."""
        return redacted(text, self.hidden)

    def _hold(self, step: SmokeStep, answer: Answer) -> None:
        """Raises ``Failed`` for the first thing that is not so; keeps what later steps need."""
        usual = _REFUSALS if step.refused else _GRANTED
        if answer.status not in (step.statuses or usual):
            if step.refused and answer.status in _GRANTED:
                raise Failed(f"it was granted ({answer.status}), and should have been refused{_detail(answer)}")
            wanted = " or ".join(map(str, step.statuses)) or ("400 to 499" if step.refused else "200 to 299")
            raise Failed(f"the answer was {answer.status}, and should have been {wanted}{_detail(answer)}")
        for claim in step.claims:
            if why := broken(answer, claim, self.value):
                raise Failed(why)
        for extract in step.extracts:
            try:
                found = self.known[extract.name] = extracted(answer, extract)
            except Missing as missing:
                raise Failed(f"{extract.name} is not in the answer: {missing}") from None
            if looks_secret(f"{extract.name} {extract.at}", found):
                self.hidden.append(found)


_UNLED: Final = {
    (503, NOT_RUNNING): "the version does not run",
    (403, REFUSED): "the edge does not accept our token",
}
"""What the edge answers, with which status, and what it means."""


def _need_led(answer: Answer) -> None:
    """The edge says so where it does not lead to the version. A version that sends this header with any other answer is
    tried all the same: it must not get off by it, nor say what is recorded.
    """
    why = _UNLED.get((answer.status, answer.headers.get(TOKEN_HEADER, "")))
    if why is not None:
        raise Transient(f"{why}, so nothing was tried.")


def _detail(answer: Answer) -> str:
    """What a problem document (RFC 9457) says."""
    try:
        problem = json.loads(answer.text)
    except (ValueError, RecursionError):
        return ""
    said = problem.get("detail") or problem.get("title") if isinstance(problem, Mapping) else None
    return f": {answer.told(str(said))[:200]}" if said else ""
