"""``croupier rollout pins``: rounds that end where they began, and for how long still; and those that moved."""

from typing import TYPE_CHECKING, Any

from croupier.cli.connection import segment
from croupier.cli.output import counted, note, out, plain, print_table, when

if TYPE_CHECKING:
    from croupier.cli.client import Client


def look(client: "Client", rollout: str, limit: int, *, moved: bool) -> dict[str, Any]:
    """What is to be shown: of the rollout's service what is open, by version and by id, or what the rollout moved."""
    service = client.get(f"rollouts/{segment(rollout)}")["service"]
    path = f"services/{segment(service)}/pins"
    rounds = client.pages(path, limit, rollout=rollout if moved else None)
    return {"service": service, "versions": client.get(f"{path}/versions"), "rounds": rounds, "moved": moved}


def rounds_of(rollout: dict[str, Any]) -> list[str]:
    """What a rollout has to say of open rounds, beside everything else: nothing, most of the time."""
    lines = []
    for each in rollout.get("openRounds", []):
        if each["drains"]:
            many, until = counted(each["open"], "open round"), when(each["until"])
            lines.append(f"{many} on {plain(each['version'])}, until {until} at the latest")
    for each in rollout.get("moved", []):
        many = counted(each["count"], "open round")
        seen = f"croupier rollout pins {plain(rollout['id'])} --moved"
        lines.append(f"{many} of {plain(each['version'])} went on elsewhere: {seen}")
    return lines


def show(found: dict[str, Any], limit: int) -> None:
    """As people read it."""
    service = plain(found["service"])
    if found["moved"]:
        rows = [
            (item["id"], item["version"], item["player"], when(item["movedAt"]), item["why"])
            for item in found["rounds"]
        ]
        if not rows:
            note("It moved no round in the middle.")
        else:
            print_table(("ROUND", "BEGUN ON", "PLAYER", "MOVED", "WHY"), rows)
        return
    if not found["versions"]:
        note(f"No round of {service} is open.")
        return
    for item in found["versions"]:
        left = (
            f", which was left: it runs until they end, at the latest {when(item['until'])}" if item["drains"] else ""
        )
        out.print(f"{counted(item['open'], 'round')} of {service} open on {plain(item['version'])}{left}")
    rows = [
        (item["id"], item["version"], item["player"], when(item["openedAt"]), when(item["until"]))
        for item in found["rounds"]
    ]
    print_table(("ROUND", "BEGUN ON", "PLAYER", "OPENED", "COUNTS UNTIL"), rows)
    if len(rows) == limit:
        note(f"These are the oldest {limit}; --limit shows more.")
