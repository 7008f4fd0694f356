"""One of Argo's documents, by its kind. Called by ``croupier import argo``."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from croupier.adapters.imports.argo.report import Made
from croupier.adapters.imports.argo.template import made_of_template

_KINDS: Final[dict[str, Callable[..., Made]]] = {
    "AnalysisTemplate": made_of_template,
    "ClusterAnalysisTemplate": made_of_template,
}
_ELSEWHERE: Final = {
    "Rollout": "make a croupier/v1 Rollout and paste spec.strategy into its spec, unchanged",
    "AnalysisRun": "import the AnalysisTemplate that it was made of",
    "Experiment": "experiments on pods have no counterpart here",
}


def import_argo(data: Any, args: Mapping[str, str], *, argo: bool) -> Made:
    """What is made of this document. ``args`` are values for its arguments; ``argo`` keeps Argo's behaviour where ours
    differs. Never raises; what is wrong is in the problems.
    """
    made = Made()
    if not isinstance(data, Mapping):
        made.wrong((), "expected a document of Argo Rollouts.", "Name another file.")
        return made
    version, kind = str(data.get("apiVersion", ""))[:60], str(data.get("kind", ""))[:60]
    if not version.startswith("argoproj.io/"):
        made.left_out(("apiVersion",), f"'{version}' is not of Argo Rollouts; nothing to do")
    elif kind not in _KINDS:
        hint = _ELSEWHERE.get(kind, f"imported are {', '.join(_KINDS)}")
        made.left_out(("kind",), f"{kind or 'a document without a kind'} is not imported: {hint}")
    else:
        return _KINDS[kind](data, args, argo=argo)
    return made
