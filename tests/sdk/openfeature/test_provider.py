"""Beyond OpenFeature's own scenarios: events, tracking, metadata; and the quick client answers as the official one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext, set_evaluation_context
from openfeature.event import EventDetails, ProviderEvent
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagEvaluationOptions, FlagResolutionDetails
from openfeature.hook import Hook
from openfeature.track import TrackingEventDetails
from tests.sdk.plane import TOKEN, Plane, until

from croupier.sdk import DecisionLog, FlagClient, JsonLines
from croupier.sdk.openfeature import CroupierProvider, QuickClient, get_client

RULES: dict[str, Any] = {
    "payments_v2": {"rules": [{"if": "market == 'DE'", "rollout": 0.5}]},
    "on": True,
    "count": 3,
    "ratio": 0.5,
    "title": "x",
    "layout": {"columns": 2},
    "tiles": [1],
}


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    api.shutdown()


@pytest.fixture
def heard() -> list[tuple[str, EventDetails]]:
    found: list[tuple[str, EventDetails]] = []

    def note(event: ProviderEvent) -> Callable[[EventDetails], None]:
        return lambda details: found.append((event.name.removeprefix("PROVIDER_"), details))

    for event in ProviderEvent:
        api.add_handler(event, note(event))
    found.clear()  # handlers of a provider that is ready are called at once
    return found


def names(heard: list[tuple[str, EventDetails]]) -> list[str]:
    return [name for name, _ in heard]


def test_events_of_a_life(plane: Plane, heard: list[tuple[str, EventDetails]]) -> None:
    api.set_provider_and_wait(CroupierProvider(FlagClient(plane.url, TOKEN, cache=None)))
    until(lambda: "READY" in names(heard), "ready")
    plane.change({"new_lobby": False})
    until(lambda: ["new_lobby"] in [details.flags_changed for _, details in heard], "the change")
    assert {details.provider_name for name, details in heard if name == "CONFIGURATION_CHANGED"} == {"croupier"}
    plane.stop()
    until(lambda: "STALE" in names(heard), "the loss")
    assert get_client().get_boolean_value("new_lobby", True) is False
    before = names(heard).count("READY")
    plane.start()
    until(lambda: names(heard).count("READY") > before, "ready again")


def test_an_address_that_is_none_is_not_ready(heard: list[tuple[str, EventDetails]]) -> None:
    with pytest.raises(Exception, match="cannot be followed"):
        api.set_provider_and_wait(CroupierProvider(FlagClient("nonsense", TOKEN, cache=None)))
    until(lambda: "ERROR" in names(heard), "the error")


def test_a_server_that_comes_late(plane: Plane, heard: list[tuple[str, EventDetails]]) -> None:
    plane.stop()
    with pytest.raises(Exception, match="No flags are known yet"):
        api.set_provider_and_wait(CroupierProvider(FlagClient(plane.url, TOKEN, cache=None), wait_s=0.1))
    until(lambda: "ERROR" in names(heard), "the error")
    before = names(heard).count("READY")
    found = get_client().get_boolean_details("new_lobby", False)
    assert (found.value, found.error_code and found.error_code.value) == (False, "PROVIDER_NOT_READY")
    plane.start()
    until(lambda: names(heard).count("READY") > before, "ready")
    assert get_client().get_boolean_value("new_lobby", False)


def test_shutting_down_closes_the_client(plane: Plane) -> None:
    flags = FlagClient(plane.url, TOKEN, cache=None)
    provider = CroupierProvider(flags)
    api.set_provider_and_wait(provider)
    until(lambda: plane.listening, "the stream")
    provider.shutdown()
    provider.shutdown()
    until(lambda: not plane.listening, "its end")


def test_tracking_goes_to_the_decision_log(tmp_path: Path) -> None:
    path = tmp_path / "decisions"
    flags = FlagClient.from_rules(RULES, decisions=DecisionLog(JsonLines(path), hash_keys=False))
    api.set_provider_and_wait(CroupierProvider(flags))
    client = api.get_client()
    client.track("visited", EvaluationContext("p1"))
    client.track("deposit", EvaluationContext("p1"), TrackingEventDetails(20.0, {"psp": "north"}))
    flags.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["event"], line["key"], line.get("value"), line.get("attributes")) for line in lines] == [
        ("visited", "p1", None, None),
        ("deposit", "p1", 20.0, {"psp": "north"}),
    ]


@pytest.mark.parametrize("client", [OpenFeatureClient(None, None), get_client()])
def test_metadata_for_telemetry(client: OpenFeatureClient) -> None:
    api.set_provider_and_wait(CroupierProvider(FlagClient.from_rules(RULES)))
    found = client.get_boolean_details("payments_v2", False, EvaluationContext("p1", {"market": "DE"}))
    assert found.flag_metadata["version"] == "1"
    assert found.flag_metadata["rule"] == "rule 1"
    assert client.get_boolean_details("nobody", False).flag_metadata == {}


def test_objects_are_the_callers_own() -> None:
    api.set_provider_and_wait(CroupierProvider(FlagClient.from_rules(RULES)))
    found: Any = get_client().get_object_value("layout", {})
    found.clear()
    assert get_client().get_object_value("layout", {}) == {"columns": 2}


KINDS = {"boolean": False, "string": "d", "integer": 7, "float": 7.5, "object": {"d": 1}}
CONTEXTS = st.none() | st.builds(
    EvaluationContext,
    st.none() | st.sampled_from(["", "p1", "p2", "p3"]),
    st.dictionaries(st.sampled_from(["market", "user", "brand"]), st.sampled_from(["DE", "SE", "p1"])),
)


@given(
    st.sampled_from([*RULES, "nobody"]),
    st.sampled_from(sorted(KINDS)),
    st.tuples(CONTEXTS, CONTEXTS, CONTEXTS),
)
def test_the_quick_client_answers_as_the_official_one(
    key: str, kind: str, contexts: tuple[EvaluationContext | None, ...]
) -> None:
    whole, own, given_one = contexts
    api.set_provider_and_wait(CroupierProvider(FlagClient.from_rules(RULES)))
    set_evaluation_context(whole or EvaluationContext())
    answers = []
    for each in (OpenFeatureClient, QuickClient):
        client = each(None, None, context=own)
        details: FlagEvaluationDetails[Any] = getattr(client, f"get_{kind}_details")(key, KINDS[kind], given_one)
        value = getattr(client, f"get_{kind}_value")(key, KINDS[kind], given_one)
        answers.append((details, value, type(value)))
    assert answers[0] == answers[1]


async def test_the_quick_client_answers_as_the_official_one_in_asyncio() -> None:
    api.set_provider_and_wait(CroupierProvider(FlagClient.from_rules(RULES)))
    for key, (kind, default) in zip([*RULES, "nobody"], [*KINDS.items(), *KINDS.items()], strict=False):
        answers = []
        for client in (OpenFeatureClient(None, None), get_client()):
            details = await getattr(client, f"get_{kind}_details_async")(key, default)
            # The official client forgets the caller's default for a value of another type here, unlike without async.
            answers.append((details.value if not details.error_code else default, details.error_code))
            await getattr(client, f"get_{kind}_value_async")(key, default)
        assert answers[0] == answers[1]


class Counting(Hook):
    count = 0

    def before(self, hook_context: Any, hints: Any) -> None:
        self.count += 1


async def test_hooks_run_wherever_they_are() -> None:
    api.set_provider_and_wait(CroupierProvider(FlagClient.from_rules(RULES)))
    client, hook = get_client(), Counting()
    options = FlagEvaluationOptions(hooks=[hook])
    assert client.get_boolean_value("on", False, None, options)
    assert await client.get_boolean_value_async("on", False, None, options)
    assert (await client.get_string_details_async("title", "", None, options)).value == "x"
    assert hook.count == 3
    client.add_hooks([hook])
    client.get_boolean_value("on", False)
    assert hook.count == 4
    other = get_client()
    api.add_hooks([hook])
    other.get_string_details("title", "")
    assert hook.count == 5


def test_another_provider_is_asked_as_ever() -> None:
    class Other(CroupierProvider):
        def resolve_boolean_details(
            self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
        ) -> FlagResolutionDetails[bool]:
            return FlagResolutionDetails(True, variant="other")

    api.set_provider_and_wait(Other(FlagClient.from_rules({})), domain="elsewhere")
    assert get_client("elsewhere").get_boolean_details("x", False).variant == "other"
    assert get_client().get_boolean_value("x", True)  # OpenFeature's own provider, of nothing
