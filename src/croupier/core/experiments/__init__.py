"""Experiments: which variant of a flag makes more players do something, answered so that it may be looked at always.

- ``model``: what is asked, as people declare it, and as it is frozen at the start (``Plan``).
- ``arms``: how a flag's rule deals players to variants, in which shares.
- ``fit``: whether a declared experiment and its flag fit each other, and what a change of the flag does to a run.
- ``tally``: who was given what and did what afterwards, counted once per player.
- ``evidence``: what the counts say of two variants, at any time.
- ``sample_ratio``: were players dealt as the shares say? If not, no result means anything.
- ``result``, ``words``: all of it together, and in sentences.

Pure; the unit is the player. Errors are natural probabilities, evidence is a natural logarithm.
"""

from croupier.core.experiments.arms import Arm, Dealt, dealt
from croupier.core.experiments.model import Experiment, Guard, Plan, Run
from croupier.core.experiments.result import Answer, Compared, Counted, Result, Verdict, result_of
from croupier.core.experiments.tally import Player, Report, Tally, counted

__all__ = [
    "Answer",
    "Arm",
    "Compared",
    "Counted",
    "Dealt",
    "Experiment",
    "Guard",
    "Plan",
    "Player",
    "Report",
    "Result",
    "Run",
    "Tally",
    "Verdict",
    "counted",
    "dealt",
    "result_of",
]
