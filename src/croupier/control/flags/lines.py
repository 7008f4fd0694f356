"""The flags of one environment as lines, kept current line by line: what clients of it get. Used by ``FlagBook``."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType

from croupier.core.flags.line import flag_line
from croupier.core.flags.snapshot import Delta, Snapshot, apply, is_tombstone, split_line, version_of
from croupier.core.flags.state import FlagState


@dataclass(slots=True)
class Lines:
    """``rests`` maps a key to its line without the key, ``tombstones`` likewise for flags that are gone. ``digest`` is
    ``Snapshot.digest`` of them.
    """

    environment: str
    rests: dict[str, str] = field(default_factory=dict)
    tombstones: dict[str, str] = field(default_factory=dict)
    digest: int = 0

    def take(self, lines: Iterable[str], *, instead: bool = False) -> None:
        """Replace what these lines replace: an older line never a newer one, unless ``instead``."""
        lines = tuple(lines)
        if instead:
            self._forget(lines)
        keys = [split_line(line)[0] for line in lines]
        known = {key: self.rests[key] for key in keys if key in self.rests}
        # Only what changes goes through ``apply``, so that one flag's change costs the same among 50,000.
        after = apply(Snapshot(self.environment, version=-1, lines=known, digest=self.digest), self._delta(lines))
        for key in known:
            if key not in after.lines:
                del self.rests[key]
        self.rests.update(after.lines)
        self.digest = after.digest
        for key, rest in map(split_line, lines):
            self.tombstones.pop(key, None)
            if is_tombstone(rest) and key not in self.rests:
                self.tombstones[key] = rest

    def line(self, key: str) -> str:
        """The key's line, a tombstone where the flag is gone."""
        rest = self.rests.get(key)
        return f"{key}\t{self.tombstones[key] if rest is None else rest}"

    def flag(self, state: FlagState) -> str:
        """The flag's line in this environment."""
        return flag_line(state, self.environment)

    def snapshot(self, lineage: str, version: int) -> Snapshot:
        """All lines as they are now."""
        return Snapshot(self.environment, lineage, version, MappingProxyType(self.rests.copy()), self.digest)

    def _forget(self, lines: Iterable[str]) -> None:
        """Take the keys' lines out, by tombstones that are newer."""
        known = ((key, self.rests.get(key)) for key, _ in map(split_line, lines))
        gone = [f"{key}\t{version_of(rest) + 1}\t" for key, rest in known if rest is not None]
        if gone:
            self.take(gone)

    def _delta(self, lines: tuple[str, ...]) -> Delta:
        return Delta(self.environment, "", 0, 0, 0, lines)
