"""CEL, the part of it that flag rules need: parsed, checked, compiled to Python closures, explained."""

from croupier.core.flags.cel.check import Doubt, check
from croupier.core.flags.cel.compiler import compile_condition
from croupier.core.flags.cel.errors import CelError
from croupier.core.flags.cel.kinds import Type
from croupier.core.flags.cel.parser import parse
from croupier.core.flags.cel.reading import Test
from croupier.core.flags.cel.render import render
from croupier.core.flags.cel.signatures import segments_in
from croupier.core.flags.cel.syntax import Node, attributes
from croupier.core.flags.cel.why import why

__all__ = [
    "CelError",
    "Doubt",
    "Node",
    "Test",
    "Type",
    "attributes",
    "check",
    "compile_condition",
    "parse",
    "render",
    "segments_in",
    "why",
]
