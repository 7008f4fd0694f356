"""The dials of the process workloads, with defaults that suit a server. Filled in by ``server/settings.py``, read
here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """Durations are seconds."""

    host: str = "127.0.0.1"
    first_port: int = 20_000
    last_port: int = 31_999
    """Ports are taken from here, below the range from which systems take the source ports of outgoing connections: a
    port that is free when chosen is then still free when the process binds it.
    """

    tick_s: float = 0.25
    """How often a process is looked at: is it alive, how large is its log, and, until it is ready, does it answer."""
    probe_ready_s: float = 1.0
    """Time between health checks once it is ready."""
    probe_timeout_s: float = 2.0
    unready_after: int = 3
    """So many failed health checks in a row make a ready instance unready. A process that ends is noticed at once."""

    crashes: int = 3
    crash_window_s: float = 60.0
    """So many crashes of one instance within the window make it failed."""
    backoff_s: float = 0.25
    backoff_max_s: float = 10.0
    """Wait before a restart: doubled with every crash inside the window, up to the maximum."""
    retry_failed_s: float = 30.0
    """A failed instance that had been ready before is still tried this often (its database may come back); one that
    never was ready is not.
    """

    log_bytes: int = 4 * 1024 * 1024
    """A log that grew beyond this is moved to ``.1`` (replacing the one before) and begun anew."""
    log_files: int = 200
    """Logs kept in all; the oldest go first."""
    tail_lines: int = 8
    """So many last lines of the log are told when an instance fails."""
