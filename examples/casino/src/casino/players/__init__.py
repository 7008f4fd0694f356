"""The players: an open-loop load of realistic visits, with figures of what they met.

`async with Crowd("http://127.0.0.1:8080", rate=200) as crowd: ... crowd.snapshot()`; or `python -m casino.players`.
"""

from casino.players.crowd import Crowd
from casino.players.figures import Loss, Move, Snapshot, VersionFigures
from casino.players.script import Mix

__all__ = ["Crowd", "Loss", "Mix", "Move", "Snapshot", "VersionFigures"]
