"""What a ``Service`` and a ``Release`` file may hold. Docstrings below fields become the schemas' descriptions."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from croupier.adapters.manifests.fields import (
    AnyText,
    Attribute,
    CookieName,
    Duration,
    HeaderName,
    IdentityHeader,
    IdPath,
    Name,
    NamedShape,
    Parameter,
    Prefix,
    SemanticVersion,
    Shape,
    Size,
    Text,
    UrlPath,
    Variable,
    between,
)


class RouteShape(Shape):
    short: ClassVar[str] = "prefix"
    prefix: Prefix
    """Requests whose path is this, or continues it after a '/', go to the service. The longest prefix wins."""


_NO_ADDRESS: Final = "Many players are behind one address, and one player has many. Write {header: x-player-id}."
_OF_THE_EDGE: Final = (
    "The edge verifies tokens for all services: set CROUPIER_EDGE_JWKS_FILE, "
    "and CROUPIER_EDGE_PLAYER_CLAIM for another claim than sub."
)


class IdentityShape(Shape):
    """Exactly one of header and cookie."""

    short: ClassVar[str] = "header"
    one_of: ClassVar[tuple[str, ...]] = ("header", "cookie")
    elsewhere: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("ip", "sourceIp", "clientIp", "address"), _NO_ADDRESS),
        **dict.fromkeys(("jwt", "claim", "token"), _OF_THE_EDGE),
    }
    header: IdentityHeader | None = None
    """The request header that carries the player's id, never an address. Requests without it are served by the stable
    version."""

    cookie: CookieName | None = None
    """The cookie whose value is the player's id, as it is and unsigned. A session token is none: it changes with every
    login; let the edge verify it instead."""


class IdSourceShape(Shape):
    """Exactly one of header, query and path."""

    short: ClassVar[str] = "header"
    one_of: ClassVar[tuple[str, ...]] = ("header", "query", "path")
    header: HeaderName | None = None
    """The request header that carries the id: x-round-id."""
    query: Parameter | None = None
    """The parameter of the query that carries the id: order, in /callbacks?order=o-17@1.1.0."""
    path: IdPath | None = None
    """The path that carries the id, with {id} as one whole part of it: /callbacks/psp/{id}. What continues it after a
    '/' is meant, too."""


_Sources = Annotated[list[IdSourceShape], Field(min_length=1, max_length=10)]


class AffinityKindShape(IdSourceShape):
    """Exactly one of header, query, path and sources."""

    short: ClassVar[str] = ""
    one_of: ClassVar[tuple[str, ...]] = ("header", "query", "path", "sources")
    kind: Attribute
    """What it is called in reports: round, order, session."""
    sources: _Sources | None = None
    """Several places that carry its id; the first that names a version counts."""


class AffinityShape(IdSourceShape):
    """Exactly one of header, query, path, sources and kinds."""

    one_of: ClassVar[tuple[str, ...]] = ("header", "query", "path", "sources", "kinds")
    sources: _Sources | None = None
    """Several places that carry the id, where callers differ; the first that names a version counts."""
    kinds: Annotated[list[AffinityKindShape], Field(min_length=1, max_length=5)] | None = None
    """Several kinds of things that end where they began, each with the places that carry its id."""
    ttl: Duration | None = None
    """How long one that is never closed counts as open. Default 10m."""
    drain: Duration | None = None
    """How long open ones keep a version that was left, before they move. Default 5m."""


class HealthShape(Shape):
    short: ClassVar[str] = "path"
    path: UrlPath | None = None
    """Answers 2xx when the instance can take requests. Default /healthz."""
    start_timeout: Duration | None = None
    """How long a start may take. Default 30s."""


class MetricsShape(Shape):
    short: ClassVar[str] = "path"
    path: UrlPath | None = None
    """Where the instance shows its Prometheus metrics. Default /metrics."""


class LimitsShape(Shape):
    memory: Size | None = None
    """Data memory (heap) of each process of an instance, for example 512Mi. Default: no limit."""
    open_files: between(16, 1_048_576) | None = None  # type: ignore[valid-type]
    """Open files of each process of an instance. Default: no limit."""


class ProcessOverrides(Shape):
    command: Annotated[list[Text], Field(min_length=1, max_length=200)] | None = None
    """Program and arguments. {port}, {version}, {service} and {instance} are filled in."""
    env: dict[Variable, AnyText] | None = None
    """Environment variables; the same words are filled in."""
    directory: Text | None = None
    """Working directory. Default: the control plane's."""
    instances: between(1, 100) | None = None  # type: ignore[valid-type]
    """How many run at a time. Default 1."""
    health: HealthShape | None = None
    """How to see that an instance is ready."""
    metrics: MetricsShape | None = None
    """Where an instance shows its metrics."""
    drain: Duration | None = None
    """How long an instance that is left may finish its requests. Default 10s."""
    limits: LimitsShape | None = None
    """Resource limits of one instance."""


class ProcessShape(ProcessOverrides):
    command: Annotated[list[Text], Field(min_length=1, max_length=200)]
    """Program and arguments. {port}, {version}, {service} and {instance} are filled in."""


class ServiceSpec(Shape):
    routes: Annotated[list[RouteShape], Field(min_length=1, max_length=50)]
    """How requests reach the service."""
    identity: IdentityShape | None = None
    """How a player is told from another. Default: the header x-player-id."""
    attributes: dict[Attribute, HeaderName] | None = None
    """Attributes that segments may use, each with the request header that carries it: market: x-market."""
    affinity: AffinityShape | None = None
    """What is begun on one version and has to end there: game rounds, orders, sessions."""
    process: ProcessShape
    """How one instance of a version is run. A release may override parts of it."""


class ServiceShape(Shape):
    """A service that players reach, and how its versions are run."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Service"]
    metadata: NamedShape
    spec: ServiceSpec


class ReleaseMetadata(Shape):
    name: Text | None = None
    """Need not be written; if it is, it is the service's name, '-' and the version: payments-1.4.0."""


class ReleaseSpec(Shape):
    service: Name
    """The service that this is a version of."""
    version: SemanticVersion
    """Semantic Versioning 2.0, all three parts. A version is never given to anything else."""
    notes: AnyText | None = None
    """What is new, for people."""
    process: ProcessOverrides | None = None
    """What differs from the service's process; env is merged by variable, everything else replaced by field."""


class ReleaseShape(Shape):
    """One immutable version of a service."""

    api_version: Literal["croupier/v1"]
    kind: Literal["Release"]
    metadata: ReleaseMetadata | None = None
    spec: ReleaseSpec
