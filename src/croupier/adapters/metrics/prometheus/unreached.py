"""Why Prometheus cannot be reached, and what to do: libraries say "All connection attempts failed", or "ReadError".

Called by what asks it.
"""

import socket
import ssl
from collections.abc import Iterator

import httpx

from croupier.adapters.metrics.prometheus.settings import PrometheusSettings


def why_unreached(error: Exception, settings: PrometheusSettings) -> str:
    """What follows after "cannot be reached: ". Says no secret: names of files at the most."""
    for cause in _causes(error):
        if (why := _known(cause, settings)) is not None:
            return why
    return str(error) or type(error).__name__


def _known(cause: BaseException, settings: PrometheusSettings) -> str | None:
    if isinstance(cause, ssl.SSLCertVerificationError):
        signers = "CROUPIER_PROMETHEUS_CA_FILE names who signs it"
        if settings.ca_file is not None:
            signers = f"CROUPIER_PROMETHEUS_CA_FILE is {settings.ca_file}"
        return f"its certificate is not trusted ({cause.verify_message}); {signers}"
    if isinstance(cause, ssl.SSLError):
        if cause.reason == "WRONG_VERSION_NUMBER":
            return "it does not speak TLS there; is http:// meant in CROUPIER_PROMETHEUS_URL?"
        if "ALERT" in (cause.reason or "") and "CERTIFICATE" in (cause.reason or ""):
            return _asks_who_we_are(settings)
    if isinstance(cause, socket.gaierror):
        return f"no address is known for that name ({cause.strerror}); see CROUPIER_PROMETHEUS_URL"
    if isinstance(cause, ConnectionRefusedError):
        return "nobody listens there; see CROUPIER_PROMETHEUS_URL"
    if isinstance(cause, httpx.ReadError | httpx.RemoteProtocolError) and settings.url.startswith("https:"):
        # With TLS 1.3 a server turns a client down only after the handshake, often without a word.
        return f"it hangs up without an answer; if it asks for a certificate: {_asks_who_we_are(settings)}"
    return None


def _asks_who_we_are(settings: PrometheusSettings) -> str:
    if settings.certificate_file is None:
        return "CROUPIER_PROMETHEUS_CERTIFICATE_FILE and CROUPIER_PROMETHEUS_KEY_FILE name ours"
    return f"it does not take ours, {settings.certificate_file}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The innermost first: it knows best."""
    below = error.__cause__ or error.__context__
    if below is not None:
        yield from _causes(below)
    yield error
