"""``croupier gate catalog``: what is ready to be asked, for people and for programs. Needs no control plane."""

from typing import Any

import pytest

from croupier.core.gates.ready import READY


def test_the_list_names_every_one_and_what_it_protects(cli: Any) -> None:
    found = cli("gate", "catalog")
    assert found.code == 0
    for ready in READY:
        assert f"{ready.name}" in found.out
    assert "registration-conversion (advisory)  casino_registrations_total (auth)" in found.out


@pytest.mark.parametrize("name", [ready.name for ready in READY])
def test_what_is_written_out_is_a_document_that_can_be_applied(cli: Any, name: str) -> None:
    found = cli("gate", "catalog", name)
    assert found.code == 0
    written = cli.write("gate.yaml", found.out)
    assert cli("validate", written).out == "✓ 1 document, no mistakes.\n"


def test_programs_get_all_of_it(cli: Any) -> None:
    told = cli("gate", "catalog", "--json").json
    assert [each["name"] for each in told] == [ready.name for ready in READY]
    [one] = cli("gate", "catalog", "ledger-drift", "--json").json
    assert one["document"]["spec"]["hardStop"] == {"events": 1}
    assert (one["advisory"], one["countedBy"]) == (False, "payments, games, promo")


def test_a_name_that_is_none(cli: Any) -> None:
    found = cli("gate", "catalog", "deposits")
    assert found.code == 3
    assert "error: There is no ready-made gate 'deposits'.\nhint: There are: login-success" in found.err
