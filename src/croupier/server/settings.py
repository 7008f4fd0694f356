"""The server's settings: one frozen object, read once from ``CROUPIER_*`` variables and the command line.

Inner code receives values, never this object's environment. The reference page is generated from the descriptions.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

import platformdirs
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from croupier.core.segments.visitors import VISITOR_COOKIE
from croupier.server.settings_check import mistakes

Port = Annotated[int, Field(ge=1, le=65_535)]
_PREFIX: Final = "CROUPIER_"
_LABEL: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
_LISTS_AS_WRITTEN: Final = ("edge_audiences", "edge_claims", "environments", "prometheus_headers")
_OF_THE_CLIENT: Final = ("URL", "TOKEN")
"""Where the command line looks for a control plane; they may well be set where one runs."""

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class OnExit(StrEnum):
    """What becomes of Envoy and the workloads after a graceful stop."""

    KEEP = "keep"
    STOP = "stop"


class LogFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class Settings(BaseSettings):
    """Everything that can be set; each field is ``CROUPIER_<NAME>`` in the environment."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    state_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_state_dir("croupier")),
        description="Where everything is kept: database, admin token, Envoy's files, logs. Made with mode 0700.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="SQLAlchemy URL of the store; by default SQLite in the state directory. May hold a password, so it "
        "is never printed.",
    )
    host: str = Field("127.0.0.1", description="Address that the API and the page listen on.")
    port: Port = Field(8700, description="Port of the API and the page.")
    allow_remote: bool = Field(
        False, description="Permit a host that other machines reach. Put TLS in front: tokens travel in the clear."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names, beside localhost and addresses, by which the server may be called (Host header), separated "
        "by commas.",
    )
    edge_host: str = Field("127.0.0.1", description="Address that players come in at (Envoy).")
    edge_port: Port = Field(8080, description="Port that players come in at (Envoy).")
    edge_preview_port: Port | None = Field(
        None,
        description="Port of the preview address: each service leads to the version that is being rolled out, whoever "
        "asks. By default none.",
    )
    edge_preview_host: str = Field("127.0.0.1", description="Address of the same. Keep players away from it.")
    edge_jwks_file: Path | None = Field(
        None,
        description="File with the public keys (JWKS) that sign players' session tokens (JWT). With it the edge tells "
        "players apart by verified tokens only; read again when it changes. By default headers are taken as they come.",
    )
    edge_issuer: str | None = Field(None, description="Issuer (`iss`) that a session token must have.")
    edge_audiences: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Audiences (`aud`), separated by commas, of which a session token must have one. By default any.",
    )
    edge_token_cookie: str | None = Field(
        None,
        description="Cookie that may carry the session token. `Authorization: Bearer` always may, and comes first.",
    )
    edge_player_claim: str = Field("sub", description="Claim of the token that is the player's id.")
    edge_player_header: str = Field(
        "x-player-id", description="Header in which services get the verified player's id. Clients cannot set it."
    )
    edge_claims: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Other claims and their headers, by commas: `market=x-market, staff.employee=x-employee`. "
        "Only these headers count for segments then. Clients cannot set them.",
    )
    edge_visitors: bool = Field(
        False,
        description="Tell players apart before their login, too, by a signed cookie that a service of yours sets; its "
        "key is made in the state directory (`visitors.key`). Needs `edge_jwks_file` and the extra `edge`.",
    )
    edge_visitor_cookie: str = Field(VISITOR_COOKIE, description="Name of that cookie.")
    tick_s: Seconds = Field(1.0, description="Time between two looks of the control loop; changes wake it at once.")
    scrape_s: Seconds = Field(5.0, description="Time between two scrapes of each instance's metrics.")
    prometheus_url: str | None = Field(
        None,
        description="Prometheus, or what speaks its API, for gates with `source: prometheus`: `https://prom:9090`. By "
        "default none.",
    )
    prometheus_token_file: Path | None = Field(
        None, description="File with a bearer token for it, read for every question: it may be renewed."
    )
    prometheus_user: str | None = Field(None, description="User for it (basic authentication).")
    prometheus_password_file: Path | None = Field(None, description="File with that user's password, read likewise.")
    prometheus_ca_file: Path | None = Field(
        None, description="Certificates (PEM) that sign its certificate. By default those that the machine trusts."
    )
    prometheus_certificate_file: Path | None = Field(
        None,
        description="Certificate (PEM) that shows it who we are, where it asks clients for one; may be renewed while "
        "we run.",
    )
    prometheus_key_file: Path | None = Field(None, description="Private key (PEM) of that certificate.")
    prometheus_headers: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Headers for it, separated by commas: `X-Scope-OrgID: casino` names the tenant of a Mimir. No "
        "secrets: those are in files.",
    )
    prometheus_timeout_s: Seconds = Field(
        5.0,
        description="For everything that one reading of a gate asks of it. Metrics of analyses have their own timeout.",
    )
    prometheus_service_label: str = Field(
        "service", pattern=_LABEL, description="Label of its series that holds the service."
    )
    prometheus_version_label: str = Field(
        "version", pattern=_LABEL, description="Label of its series that holds the version."
    )
    secrets_dir: Path | None = Field(
        None, description="Directory with secrets that arguments of gates name (`valueFrom: {file: NAME/KEY}`)."
    )
    lease_ttl_s: Seconds = Field(10.0, description="After so long another control plane takes over from a dead one.")
    on_exit: OnExit = Field(
        OnExit.KEEP, description="Whether Envoy and the workloads keep serving after a graceful stop, or stop too."
    )
    log_format: LogFormat = Field(LogFormat.AUTO, description="auto: for people on a terminal, JSON elsewhere.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="The least that is logged.")
    new_admin_token: bool = Field(
        False, description="Make another admin token at the start, where the first one's file was lost."
    )
    notifiers_file: Path | None = Field(
        None,
        description="File (YAML) of `kind: Notifier` documents: who is told when rollouts stop, wait or go blind. By "
        "default nobody.",
    )
    outgoing_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts inside your network that notifiers, and gates that measure, may reach, and by plain HTTP: "
        "names, `name:port`, addresses or networks (`10.2.0.0/16`), separated by commas. By default only the open "
        "internet, by HTTPS.",
    )
    max_body_bytes: int = Field(1_048_576, ge=1_024, le=16_777_216, description="Largest body of a request.")
    max_flags_bytes: int = Field(
        33_554_432,
        ge=1_024,
        le=268_435_456,
        description="Largest body of a request that declares many flags at once (`POST /api/v1/flags/apply`), for "
        "those who may; 50,000 flags have about 15 MB.",
    )
    max_otlp_bytes: int = Field(
        4_194_304,
        ge=1_024,
        le=33_554_432,
        description="Largest push of metrics (OTLP), unpacked. Sent as gzip it is smaller; as it travels, "
        "CROUPIER_MAX_BODY_BYTES holds.",
    )
    otlp_per_s: float = Field(
        100.0,
        gt=0,
        le=100_000,
        description="Pushes of metrics (OTLP) a second with one token; ten times as many at once.",
    )
    request_timeout_s: Seconds = Field(
        30.0,
        description="A request that takes longer is given up (streams are not; many flags at once, and the check of "
        "the whole journal, after twenty times as long).",
    )
    environments: Annotated[tuple[str, ...], NoDecode] = Field(
        ("production",),
        min_length=1,
        description="Environments that flags can differ in, separated by commas. Commands, the page, OFREP and flagd "
        "mean the first where nothing names one; Croupier's own client (`FlagClient`) asks for `production` unless it "
        "is told another.",
    )
    flagd_port: Port | None = Field(
        None,
        description="Port for OpenFeature SDKs that evaluate by themselves (flagd's SyncFlags, gRPC); needs the extra "
        "`flagd`. By default none.",
    )
    flagd_certificate: Path | None = Field(
        None, description="Certificate chain (PEM) for flagd's port: with it and its key the port speaks TLS only."
    )
    flagd_key: Path | None = Field(None, description="Private key (PEM) of that certificate.")
    flagd_plaintext: bool = Field(
        False,
        description="Permit flagd's port without TLS on a host that other machines reach. Put TLS in front: tokens "
        "travel in the clear.",
    )
    ofrep_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Origins (`https://shop.example`) whose pages may ask for flags by OFREP, separated by commas; `*` "
        "for any. By default none: browsers then refuse. Give pages a token of the role client.",
    )
    max_flag_streams: int = Field(
        12_000, ge=1, le=200_000, description="Applications at a time that listen for changes of flags."
    )
    max_streams: int = Field(200, ge=1, le=10_000, description="Event streams at a time.")
    token_refresh_s: Seconds = Field(
        5.0, description="After so long a token that another control plane made or revoked is known here."
    )

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        split: dict[str, object] = {}
        for name in (*_LISTS_AS_WRITTEN, "allowed_hosts", "ofrep_origins", "outgoing_hosts"):
            if isinstance(text := values.get(name), str):
                split[name] = _words(text if name in _LISTS_AS_WRITTEN else text.lower())
        return {**values, **split}

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if (mistake := next(mistakes(self), None)) is not None:
            raise ValueError(mistake)
        return self

    @property
    def store_url(self) -> str:
        """The URL to open. It may hold a password: hand it on, do not print it."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        # Whoever locks the file for longer is treated as an outage: an abort then does not wait for the record.
        return f"sqlite:///{self.state_dir.absolute() / 'croupier.db'}?timeout=0.5"

    @property
    def url(self) -> str:
        """Where the API and the page are."""
        return f"http://{_bracketed(self.host)}:{self.port}"

    @property
    def preview_url(self) -> str | None:
        """Where a version is seen before players get it."""
        if self.edge_preview_port is None:
            return None
        return f"http://{_bracketed(self.edge_preview_host)}:{self.edge_preview_port}"

    @property
    def edge_url(self) -> str:
        """Where players come in."""
        return f"http://{_bracketed(self.edge_host)}:{self.edge_port}"

    @property
    def override_key_file(self) -> Path:
        """The key of tokens that ask the edge for a version."""
        return self.state_dir.absolute() / "override.key"

    @property
    def visitors_key_file(self) -> Path:
        return self.state_dir.absolute() / "visitors.key"

    @property
    def admin_token_file(self) -> Path:
        return self.state_dir / "admin.token"


def unknown_variables(names: Iterable[str]) -> dict[str, str | None]:
    """Environment variables that look like settings and are none, each with the one that was probably meant."""
    known = [field.upper() for field in Settings.model_fields]
    found: dict[str, str | None] = {}
    for name in sorted(names):
        prefix, word = name[: len(_PREFIX)].upper(), name[len(_PREFIX) :].upper()
        if prefix == _PREFIX and word not in (*known, *_OF_THE_CLIENT):
            near = get_close_matches(word, known, n=1, cutoff=0.7)
            found[name] = f"{_PREFIX}{near[0]}" if near else None
    return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
