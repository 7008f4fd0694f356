"""Releases: merged over their service, bound to a digest."""

import pytest

from croupier.adapters.manifests import ReleaseDraft, agrees, complete_release, parse_text
from croupier.core.releases import Limits, Release, Service
from croupier.errors import Rejected

SERVICE = """\
apiVersion: croupier/v1
kind: Service
metadata: {name: payments}
spec:
  routes: [{prefix: /payments}]
  process:
    command: [serve, "{port}"]
    env: {A: "1", B: "2"}
    health: {path: /ready, startTimeout: 5s}
    limits: {memory: 512Mi, openFiles: 64}
---
"""


def complete(release: str, service: str = SERVICE) -> Release:
    bundle = parse_text(f"{service}apiVersion: croupier/v1\nkind: Release\nspec: {release}\n", "f")
    assert [str(problem) for problem in bundle.problems] == []
    (document,) = bundle.documents
    assert isinstance(document.spec, Service)
    return complete_release(bundle.releases[0], document.spec)


def test_a_release_is_its_service_with_what_differs() -> None:
    release = complete(
        '{service: payments, version: 1.1.0, notes: faster, process: {env: {B: "3", C: x}, '
        "health: {startTimeout: 9s}, limits: {openFiles: 128}, instances: 2}}"
    )
    assert (release.service, release.version, release.notes) == ("payments", "1.1.0", "faster")
    process = release.process
    assert process.command == ("serve", "{port}")
    assert process.env == (("A", "1"), ("B", "3"), ("C", "x"))
    assert (process.health_path, process.start_timeout_s, process.instances) == ("/ready", 9.0, 2)
    assert process.limits == Limits(memory_bytes=512 << 20, open_files=128)


def test_a_command_is_replaced_as_a_whole() -> None:
    release = complete("{service: payments, version: 1.1.0, process: {command: [other, '{port}', -v]}}")
    assert release.process.command == ("other", "{port}", "-v")


def test_the_digest_covers_what_runs_and_not_how_it_is_written() -> None:
    plain = complete("{service: payments, version: 1.0.0}")
    assert plain.digest.startswith("sha256:")
    assert len(plain.digest) == 7 + 64
    same = SERVICE.replace('A: "1", B: "2"', 'B: "2", A: "1"').replace("5s", "5000ms").replace("512Mi", "536870912")
    assert complete("{version: 1.0.0, service: payments}", same).digest == plain.digest
    others = {
        complete("{service: payments, version: 1.0.1}").digest,
        complete("{service: payments, version: 1.0.0, notes: x}").digest,
        complete("{service: payments, version: 1.0.0, process: {env: {A: '2'}}}").digest,
        complete("{service: payments, version: 1.0.0}", SERVICE.replace("5s", "6s")).digest,
    }
    assert plain.digest not in others
    assert len(others) == 4


def test_the_digest_of_known_content_never_changes() -> None:
    """Stored releases are bound to it: should this fail, the content's form has changed."""
    assert complete("{service: payments, version: 1.0.0}").digest == (
        "sha256:0d2003e003823751824841f8ddeaafdf3cede40731865c0cb3b8a97ec54e55a5"
    )


def test_a_release_that_exists_outlives_changes_of_its_service() -> None:
    text = f"{SERVICE}apiVersion: croupier/v1\nkind: Release\n"
    spec = "spec: {service: payments, version: 1.0.0, process: {env: {B: '3'}}}"
    recorded = complete(spec.removeprefix("spec: "), SERVICE.replace("5s", "6s").replace("A: ", "C: "))
    assert agrees(parse_text(text + spec).releases[0], recorded)
    for change in ("env: {B: '4'}", "env: {B: '3'}, instances: 2", "env: {B: '3', D: x}"):
        assert not agrees(parse_text(text + spec.replace("env: {B: '3'}", change)).releases[0], recorded)
    assert not agrees(parse_text(text + spec.replace("1.0.0", "1.0.0, notes: x")).releases[0], recorded)


def test_a_release_of_another_service_is_not_completed() -> None:
    service = parse_text(SERVICE).documents[0].spec
    assert isinstance(service, Service)
    with pytest.raises(Rejected, match=r"release auth-1\.0\.0 is not of service 'payments'"):
        complete_release(ReleaseDraft("auth", "1.0.0", "", None, {}), service)


def test_a_name_is_needless_but_must_agree() -> None:
    head = f"{SERVICE}apiVersion: croupier/v1\nkind: Release\n"
    named = head + "metadata: {name: payments-1.0.0}\nspec: {service: payments, version: 1.0.0}\n"
    assert parse_text(named).releases[0].name == "payments-1.0.0"
    wrong = parse_text(named.replace("name: payments-1.0.0", "name: payments-1.0"), "f")
    assert [str(problem) for problem in wrong.problems] == [
        (
            "f:14:18 metadata.name: 'payments-1.0' does not agree with the service and the version. "
            "Write payments-1.0.0, or remove the name."
        )
    ]
