"""What the casino asks of feature flags, each in one place and with an answer that is safe without a control plane.

One client per process, made by `open_flags`. A flag is asked once, where something begins; what has begun goes on as it
was recorded (see wallet), so that no kill can strand a payment between two ways of doing it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from casino.errors import Misconfigured
from casino.identity import Player
from casino.world import MARKETS, PROVIDERS
from croupier.sdk import DecisionLog, FlagClient, JsonLines, flag_variant

PAYMENTS_V2: Final = "payments_v2"
NEW_LOBBY: Final = "new_lobby"
HIGH_LIMITS: Final = "high_limits"
PROVIDER_SWITCHES: Final = {"kestrel": "psp_kestrel", "velora": "psp_velora", "tarn": "psp_tarn"}
STUDIO_SWITCHES: Final = {"orbit": "studio_orbit", "lagoon": "studio_lagoon"}
"""Written out, so that `croupier flag refs` finds them."""
BET: Final = "bet"
"""What the experiment on the lobby counts."""
LOBBIES: Final = ("classic", "recent", "popular")
DECISIONS_PER_S: Final = 5


@dataclass(frozen=True, slots=True)
class FlagSource:
    """Where flags come from. Without a `url` they are the bootstrap file's; `folder` keeps the last known ones.

    The token is in a file, so that it stands in no command line, no environment and no record of a release.
    """

    folder: Path
    url: str = ""
    token_file: Path | None = None
    environment: str = "production"


class Flags:
    """The casino's flags, asked by name. Never raises and never waits, like the client behind it."""

    def __init__(self, client: FlagClient) -> None:
        self.client = client

    def new_deposits(self, player: Player) -> bool:
        """`payments_v2`: whether a new deposit of this player goes the new way. Off is safe."""
        return self.client.is_enabled(PAYMENTS_V2, context(player))

    def lobby(self, player: Player) -> str:
        """`new_lobby`: in which order this player sees the games, one of `LOBBIES`. `classic` is safe."""
        layout = self.client.value(NEW_LOBBY, "classic", context(player))
        return layout if layout in LOBBIES else "classic"

    def lobby_labels(self, player: Player) -> tuple[str, ...]:
        """What `new_lobby` answers this player, as the values of the metric labels `flag` and `flag_variant`."""
        return tuple(flag_variant(self.client, NEW_LOBBY, context(player)).values())

    def did(self, event: str, player: Player) -> None:
        """The player did it: for experiments that count it, and for the decision log."""
        self.client.track(event, context(player))

    def high_limits(self, player: Player) -> bool:
        """`high_limits`: whether this player may deposit large amounts. Off is safe."""
        return self.client.is_enabled(HIGH_LIMITS, context(player))

    def provider_runs(self, psp: str, player: Player | None) -> bool:
        """The provider's switch: whether new payments go to this provider. On unless somebody has switched it off."""
        return self.client.value(PROVIDER_SWITCHES[psp], True, context(player))

    def studio_runs(self, studio: str, player: Player) -> bool:
        """The studio's switch: whether new rounds of its games begin. On unless somebody has switched it off."""
        return self.client.value(STUDIO_SWITCHES[studio], True, context(player))

    def status(self) -> dict[str, Any]:
        """Where the flags are from and how new they are, for the health page."""
        status = self.client.status()
        return {"source": status.source, "version": status.version, "connected": status.connected}


def context(player: Player | None) -> dict[str, Any]:
    """What rules may ask about. The targeting key is the identity by which the edge puts players into buckets."""
    if player is None:
        return {}
    return {
        "targetingKey": player.id,
        "user": {"id": player.id, "isEmployee": player.employee},
        "market": player.market,
        "brand": player.brand,
        "currency": MARKETS[player.market].currency,
    }


def running_first(flags: Flags, asked: str, player: Player) -> str | None:
    """The provider asked for, else the largest that runs; None while no provider does."""
    in_order: Iterable[str] = (asked, *(name for name in PROVIDERS if name != asked))
    return next((name for name in in_order if flags.provider_runs(name, player)), None)


def open_flags(source: FlagSource, service: str, instance: str, salt: str) -> Flags:
    """Begin to follow the flags. Raises `Misconfigured` for a token that cannot be read.

    Decisions go to a file in the same folder, a few a second of each flag; `salt` makes hashed players comparable
    among processes.
    """
    decisions = DecisionLog(JsonLines(source.folder / "decisions.jsonl"), per_second=DECISIONS_PER_S, salt=salt)
    with as_file(files("casino").joinpath("bootstrap.json")) as bootstrap:
        client = FlagClient(
            source.url,
            _token(source),
            environment=source.environment,
            bootstrap=bootstrap,
            cache=source.folder / "casino.flags",
            decisions=decisions,
            name=f"casino.{service}-{instance}",
        )
    return Flags(client)


def _token(source: FlagSource) -> str:
    if source.token_file is None:
        return ""
    try:
        return source.token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"CASINO_FLAGS_TOKEN_FILE {source.token_file}: {error.strerror}") from error
