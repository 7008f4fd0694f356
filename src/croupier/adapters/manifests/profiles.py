"""The profiles that come with the package: one readable file each, in ``profile_files/``.

Called by ``convert``, and by who shows them.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from croupier.adapters.manifests import shapes
from croupier.adapters.manifests.tree import parse_trees
from croupier.core.flags.write import digest_of
from croupier.core.gates.ready import BY_NAME
from croupier.core.rollout.consent import Consent
from croupier.core.rollout.profile.model import Chosen, Disruption, Lane, Lasting, Profile, Rung


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A profile, the text of its file, what it is for, and the reason of each of its defaults."""

    profile: Profile
    text: str
    about: str
    why: tuple[tuple[str, str], ...]


@lru_cache
def profile_file(name: str) -> ProfileFile:
    """The file of the profile of that name, which is one of ``words.PROFILES``."""
    text = files("croupier.adapters.manifests").joinpath("profile_files", f"{name}.yaml").read_text(encoding="utf-8")
    data = plain_data(text)
    shape = shapes.ProfileFileShape.model_validate(data)
    gates = tuple(BY_NAME[gate].gate for gate in shape.gates)
    profile = Profile(
        name=shape.profile,
        digest=digest_of({"file": _deciding(data), "gates": [asdict(gate) for gate in gates]}),
        usual=_lane(shape),
        gates=gates,
        hotfix=_lane(shape.hotfix),
        false_rollbacks=shape.false_rollbacks,
        keep_stable_s=shape.keep_stable,
        progress_deadline_s=shape.progress_deadline,
        lasting=_lasting(shape.affinity),
    )
    return ProfileFile(profile, text, shape.about, tuple(shape.why.items()))


def plain_data(text: str) -> dict[str, Any]:
    """What a profile's file holds, as plain data."""
    (tree,), _ = parse_trees(text, "profile")
    return dict(tree.data)


def chosen(shape: shapes.ProfileShape) -> Chosen:
    """The profile that a rollout names, and what it does otherwise."""
    return Chosen(
        profile_file(shape.name).profile,
        stand_ins=tuple(sorted((shape.gates or {}).items())),
        without=tuple(shape.without or ()),
    )


def consent(shape: shapes.ApprovalShape | None) -> Consent | None:
    if shape is None:
        return None
    usual = Consent()
    return Consent(usual.people if shape.from_ is None else shape.from_, tuple(shape.of or usual.of))


def disruption(shape: shapes.DisruptionShape | None, usual: Disruption) -> Disruption | None:
    """What is written, with what is ``usual`` for the rest; ``None`` where nothing is bound."""
    if shape is not None:
        between_s = usual.between_s if shape.between is None else shape.between
        usual = Disruption(between_s, usual.jump_bp if shape.jump is None else shape.jump)
    return None if usual == Disruption() else usual


def _lasting(shape: shapes.LastingShape | str) -> Lasting | None:
    return None if isinstance(shape, str) else Lasting(tuple(shape.kinds), shape.ttl, shape.drain)


def _lane(shape: shapes.LaneShape) -> Lane:
    rungs = tuple(Rung(rung.weight, rung.hold, consent(rung.approval)) for rung in shape.steps)
    return Lane(rungs, consent(shape.approval), disruption(shape.disruption, Disruption()) or Disruption())


def _deciding(data: dict[str, Any]) -> dict[str, Any]:
    """What decides anything: a better reason makes no other profile."""
    return {key: value for key, value in data.items() if key not in ("why", "about")}
