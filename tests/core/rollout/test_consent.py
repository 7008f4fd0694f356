"""Who may consent, who counts once, and how that is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from croupier.core.rollout.consent import ROLES, Consent, Given, in_words, includes, people, same_person


@pytest.mark.parametrize(
    "role, needed, may",
    [
        ("operator", ("operator",), True),
        ("admin", ("operator",), True),
        ("operator", ("admin",), False),
        ("admin", ("admin",), True),
        ("operator", ("admin", "operator"), True),
        ("viewer", ("operator",), False),
        ("admin", ("viewer",), False),
    ],
)
def test_a_role_includes_those_below_it(role: str, needed: tuple[str, ...], may: bool) -> None:
    assert includes(role, needed) is may


@pytest.mark.parametrize(
    "needed, said",
    [
        (Consent(), "one operator or admin"),
        (Consent(of=("admin",)), "one admin"),
        (Consent(2, ("admin",)), "2 different admins"),
        (Consent(3), "3 different operators or admins"),
    ],
)
def test_what_is_needed_is_said(needed: Consent, said: str) -> None:
    assert in_words(needed) == said


def given_by(*names: str, step: int = -1) -> tuple[Given, ...]:
    return tuple(Given(name, "operator", "", step, 1.0) for name in names)


def test_a_person_with_two_tokens_counts_once() -> None:
    assert people((*given_by("anna", "Anna ", "boris"), *given_by("clara", step=2)), -1) == ("anna", "boris")
    assert same_person("ANNA", "anna")
    assert not same_person("anna", "boris")


@given(st.lists(st.sampled_from(["anna", "ANNA", "boris", " boris", "clara"])))
def test_nobody_counts_twice(names: list[str]) -> None:
    found = people(given_by(*names), -1)
    assert len(found) == len({name.strip().casefold() for name in names})


def test_roles_are_in_order() -> None:
    assert ROLES == ("operator", "admin")
