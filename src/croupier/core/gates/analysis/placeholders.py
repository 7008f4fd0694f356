"""What stands for ``{{args.NAME}}``, ``{{service}}``, ``{{version}}`` and ``{{stable}}`` in a metric. Pure.

Called by those who check gates and those who measure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from croupier.core.gates.analysis.model import Pairs, PrometheusQuery, Provider

OURS: Final = ("service", "version", "stable")
"""Whom the rollout is about: its service, the canary's version, the stable one's."""
_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z_][^{}\s]*)\s*\}\}")


def names_in(text: str) -> tuple[str, ...]:
    """What the text has placeholders for, each once."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))


def filled(provider: Provider, values: Mapping[str, str]) -> Provider:
    """The provider with every placeholder replaced. Raises ``KeyError`` for one that nothing stands for."""
    if isinstance(provider, PrometheusQuery):
        address = None if provider.address is None else _filled(provider.address, values)
        return replace(
            provider,
            query=_filled(provider.query, values),
            address=address,
            headers=_headers(provider.headers, values),
        )
    return replace(
        provider,
        url=_filled(provider.url, values),
        headers=_headers(provider.headers, values),
        body=None if provider.body is None else _filled(provider.body, values),
        json_path=_filled(provider.json_path, values),
    )


def filled_value(text: str, values: Mapping[str, str]) -> str:
    """The value of an argument, with what stands for service and versions. Raises ``KeyError`` for anything else."""
    return _filled(text, values)


def texts(provider: Provider) -> Iterator[tuple[str, str]]:
    """The fields that may have placeholders, by the names that files give them."""
    if isinstance(provider, PrometheusQuery):
        yield from (("query", provider.query), ("address", provider.address or ""))
    else:
        yield from (("url", provider.url), ("body", provider.body or ""), ("jsonPath", provider.json_path))
    yield from (("headers", value) for _, value in provider.headers)


def _headers(headers: Pairs, values: Mapping[str, str]) -> Pairs:
    return tuple((name, _filled(value, values)) for name, value in headers)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
