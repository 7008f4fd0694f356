"""The server's settings: one frozen object, read once from ``CROUPIER_*`` variables and the command line.

Inner code receives values, never this object's environment. The reference page is generated from the descriptions.
"""

import ipaddress
import re
from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from croupier.core.segments.visitors import VISITOR_COOKIE
from croupier.server.edge import EDGE_PLAYERS, is_cookie, players_mistake

Port = Annotated[int, Field(ge=1, le=65_535)]
_PREFIX: Final = "CROUPIER_"
_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_HEADER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_NOT_HEADERS: Final = re.compile(
    r"accept.*|authorization|connection|content-.*|cookie|host|proxy-.*|te|trailer|transfer-.*"
)
"""Secrets, which are in files, and what describes the message."""
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
    def _know_origins(self) -> Self:
        for origin in self.ofrep_origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"ofrep_origins: '{origin[:100]}' is no origin. Write scheme, name and port and nothing more: "
                    "https://shop.example."
                )
        return self

    @model_validator(mode="after")
    def _keep_tokens_secret(self) -> Self:
        if (self.flagd_certificate is None) != (self.flagd_key is None):
            raise ValueError("flagd_certificate and flagd_key belong together: set both or none.")
        exposed = self.flagd_port is not None and self.flagd_key is None and not _is_loopback(self.host)
        if exposed and not self.flagd_plaintext:
            raise ValueError(
                f"flagd_port is reached from other machines at {self.host} and speaks no TLS. Set flagd_certificate "
                "and flagd_key; where TLS is in front of it, flagd_plaintext=true (CROUPIER_FLAGD_PLAINTEXT=true)."
            )
        return self

    @model_validator(mode="after")
    def _reach_prometheus(self) -> Self:
        asked = [
            name for name in type(self).model_fields if name.startswith("prometheus_") and name in self.model_fields_set
        ]
        if self.prometheus_url is None:
            if asked:
                raise ValueError(f"{asked[0]} is set, and prometheus_url is not. Say where Prometheus is.")
            return self
        whereto = urlsplit(self.prometheus_url)
        if whereto.scheme not in {"http", "https"} or not whereto.hostname or whereto.query or whereto.fragment:
            raise ValueError(
                "prometheus_url is no address of a Prometheus. Write for example https://prom.example:9090."
            )
        if "@" in whereto.netloc:
            raise ValueError(
                "prometheus_url holds a user or a password. Set prometheus_user and prometheus_password_file."
            )
        if (self.prometheus_user is None) != (self.prometheus_password_file is None):
            raise ValueError("prometheus_user and prometheus_password_file belong together: set both or none.")
        if (self.prometheus_certificate_file is None) != (self.prometheus_key_file is None):
            raise ValueError("prometheus_certificate_file and prometheus_key_file belong together: set both or none.")
        for text in self.prometheus_headers:
            if read_header(text) is None:
                raise ValueError(
                    f"prometheus_headers: '{text[:60]}' cannot be sent. Write 'X-Scope-OrgID: casino'; Authorization, "
                    "Cookie, Host and what describes the message are not for this."
                )
        if self.prometheus_token_file is not None and self.prometheus_user is not None:
            raise ValueError("prometheus_token_file and prometheus_user exclude each other. Choose one.")
        secret = self.prometheus_token_file is not None or self.prometheus_user is not None
        if secret and whereto.scheme == "http" and not _is_loopback(whereto.hostname):
            raise ValueError(
                "prometheus_url is http, so its token or password would travel in the clear. Write https://, or leave "
                "them out."
            )
        return self

    @model_validator(mode="after")
    def _verify_players(self) -> Self:
        asked = [name for name in EDGE_PLAYERS if name in self.model_fields_set]
        if self.edge_jwks_file is None:
            if asked:
                raise ValueError(f"{asked[0]} is set, and edge_jwks_file is not. Say which keys sign players' tokens.")
            return self
        if not self.edge_issuer:
            raise ValueError("edge_issuer is missing: without it the tokens of anybody with such a key would do.")
        if wrong := players_mistake(self.edge_player_claim, self.edge_player_header, self.edge_claims):
            raise ValueError(wrong)
        for name in ("edge_token_cookie", "edge_visitor_cookie"):
            cookie = getattr(self, name)
            if cookie is not None and not is_cookie(cookie):
                raise ValueError(f"{name}: '{cookie[:60]}' cannot be the name of a cookie.")
        if self.edge_token_cookie == self.edge_visitor_cookie:
            raise ValueError("edge_token_cookie and edge_visitor_cookie are the same. Give the session its own.")
        return self

    @model_validator(mode="after")
    def _name_environments(self) -> Self:
        for name in self.environments:
            if not _ENVIRONMENT.fullmatch(name):
                raise ValueError(
                    f"environments: '{name[:60]}' cannot be an environment's name. Write letters, digits, '.', '_' and "
                    "'-', 60 at most."
                )
        if len(set(self.environments)) < len(self.environments):
            raise ValueError("environments: one is named twice.")
        return self

    @model_validator(mode="after")
    def _stay_at_home(self) -> Self:
        if not _is_loopback(self.host) and not self.allow_remote:
            raise ValueError(
                f"host {self.host} can be reached from other machines. If that is meant, set allow_remote=true "
                "(CROUPIER_ALLOW_REMOTE=true) and put TLS in front; else use 127.0.0.1."
            )
        if self.host == self.edge_host and self.port == self.edge_port:
            raise ValueError(f"port and edge_port are both {self.port}. Choose two ports.")
        if self.edge_preview_port in (self.port, self.edge_port):
            raise ValueError(
                f"edge_preview_port {self.edge_preview_port} is taken by another one. Choose a third port."
            )
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


def read_header(text: str) -> tuple[str, str] | None:
    """Name and value of a header; ``None`` for what is none, or is set elsewhere."""
    name, colon, value = (part.strip() for part in text.partition(":"))
    sound = colon and _HEADER.fullmatch(name) and value.isascii() and value.isprintable() and value
    return (name, value) if sound and not _NOT_HEADERS.fullmatch(name.lower()) else None


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
