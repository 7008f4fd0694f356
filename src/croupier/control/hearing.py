"""How metric sources are asked: whatever goes wrong there is silence of this one question. Used by gates, plans and
``steps: auto``.

A gate that hears nothing holds, or does what its rollout says of silence; an exception would keep the gates beside it
from stopping a canary.
"""

import logging

from croupier.control.ports import MetricSource, Query
from croupier.core.gates import Reading, Silence
from croupier.core.gates.recordable import recordable
from croupier.errors import Transient

log = logging.getLogger("croupier.control")


async def ask(metrics: MetricSource, query: Query, told: set[str]) -> Reading | Silence:
    """What the source says. ``told`` remembers which mistakes of sources were logged; each is logged once."""
    try:
        said = await metrics.read(query)
    except Transient as trouble:
        return Silence(str(trouble))
    except Exception as trouble:  # one source's surprise must not keep another gate's hard stop from being acted on
        mistake = f"{query.source}, {query.sli.metric}: {type(trouble).__name__}"
        if mistake not in told:
            told.add(mistake)
            log.exception("%s %s: the metric source failed; its gate sees nothing", query.service, mistake)
        return Silence(f"the metric source failed: {type(trouble).__name__}: {trouble}")
    if not recordable(said):
        return Silence("the metric source counts more than any counter can hold exactly (2^53)")
    return said
