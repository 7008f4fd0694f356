"""Other people's rules, as their sources say, played on their own schedules: the opponents of the benchmarks here.

Where a source leaves a choice, the reading is the one that is kinder to the peer, and its module says so.
"""

from benchmarks.gates.peers.argo import ArgoRun
from benchmarks.gates.peers.flagger import Flagger
from benchmarks.gates.peers.kayenta import Kayenta
from benchmarks.gates.peers.steps import Peer, Said, fast, usual
from benchmarks.gates.peers.threshold import Threshold

__all__ = ["ArgoRun", "Flagger", "Kayenta", "Peer", "Said", "Threshold", "fast", "usual"]
