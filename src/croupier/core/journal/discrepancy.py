"""One contradiction in the record; what ``verify`` and its parts report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One contradiction: where (``entry 7``, ``node 3/2``, ``root``, ``rollout payments-7``, ``token 1f``) and what."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"
