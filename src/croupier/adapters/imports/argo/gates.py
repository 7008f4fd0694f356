"""Which Gates stand for which template, so that a Rollout names the right ones. Made by ``convert``, read by ``asked``.

A template becomes one Gate for each set of values that its users give to its arguments: here a gate is whole by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from croupier.adapters.imports.argo.reading import Unknown
from croupier.adapters.imports.argo.uses import Values


@dataclass(slots=True)
class Variant:
    """A template with values for its arguments; ``gate`` is what was made of it, if anything was."""

    values: dict[str, str | Unknown]
    name: str
    gate: str | None = None


@dataclass(slots=True)
class Template:
    """A template of the files: the arguments that it declares, the templates that it takes in, and its Gates."""

    declared: frozenset[str]
    members: tuple[str, ...]
    has_metrics: bool
    endless: str = ""
    """A metric that is measured for as long as it is asked for; empty where there is none."""
    variants: dict[frozenset[tuple[str, str | Unknown]], Variant] = field(default_factory=dict)

    def variant(self, values: Values) -> Variant | None:
        """The one with these values. What a template does not declare is of no effect."""
        return self.variants.get(frozenset((name, value) for name, value in values.items() if name in self.declared))


@dataclass(frozen=True, slots=True)
class Gates:
    """All templates of the files by name; ``partial`` where there are none at all, so that they are elsewhere."""

    templates: Mapping[str, Template]

    @property
    def partial(self) -> bool:
        return not self.templates

    def expanded(self, name: str) -> list[str]:
        """The template, and those that it takes in, each once."""
        found, seen, ahead = list[str](), {name}, [name]
        while ahead:
            template = self.templates.get(each := ahead.pop())
            if template is None or template.has_metrics:
                found.append(each)
            members = [] if template is None else [one for one in dict.fromkeys(template.members) if one not in seen]
            seen.update(members)
            ahead += reversed(members)
        return found

    def named(self, name: str, values: Values) -> tuple[list[str], list[str]]:
        """The Gates that stand for a template, and the templates of which there is no Gate."""
        gates: list[str] = []
        lacking: list[str] = []
        for each in self.expanded(name):
            template = self.templates.get(each)
            variant = template.variant(values) if template is not None else None
            if variant is not None and variant.gate is not None:
                gates.append(variant.gate)
            elif self.partial:
                gates.append(each)
            else:
                lacking.append(each)
        return gates, lacking
