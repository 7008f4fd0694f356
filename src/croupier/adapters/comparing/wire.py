"""What the control plane and the comparing process tell each other: a line of JSON each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from croupier.control.ports import Endpoint
from croupier.control.ports.comparing import Comparison
from croupier.core.rollout.shadow.mirror import Ignored
from croupier.core.rollout.shadow.report import Difference, ShadowReport


def write_wanted(wanted: Sequence[Comparison]) -> bytes:
    return json.dumps([asdict(each) for each in wanted]).encode() + b"\n"


def read_wanted(line: bytes) -> list[Comparison]:
    return [_comparison(each) for each in json.loads(line)]


def write_report(id_: str, report: ShadowReport) -> bytes:
    return json.dumps([id_, asdict(report)]).encode() + b"\n"


def read_report(line: bytes) -> tuple[str, ShadowReport]:
    id_, said = json.loads(line)
    differences = tuple(
        Difference(each["path"], each["field"], each["count"], tuple((a, b) for a, b in each["examples"]))
        for each in said["differences"]
    )
    skipped = tuple((reason, count) for reason, count in said["skipped"])
    counts = said["step"], said["compared"], said["differing"], said["noisy"]
    return id_, ShadowReport(*counts, skipped=skipped, differences=differences)


def _comparison(said: Mapping[str, Any]) -> Comparison:
    ignored = said["ignored"]
    return Comparison(
        said["id"],
        said["service"],
        _arm(said["stable"]),
        _arm(said["canary"]),
        Ignored(tuple(ignored["fields"]), tuple(ignored["headers"]), ignored["tolerance"]),
    )


def _arm(said: Sequence[Any]) -> tuple[str, tuple[Endpoint, ...]]:
    version, endpoints = said
    return version, tuple(Endpoint(each["host"], each["port"]) for each in endpoints)
