"""From the shapes of ``setMirrorRoute`` and ``shadow`` to the core's steps. Nothing is judged here."""

import re
from typing import Final, get_args

from croupier.adapters.manifests.shapes import shadow as shapes
from croupier.core.rollout.shadow.mirror import EVERY_READ, SAFE_METHODS, Allowed, Compare, How, Ignored, TextMatch
from croupier.core.rollout.spec import SetMirrorRoute, Shadow
from croupier.core.segments import BUCKETS

METHODS: Final[tuple[str, ...]] = get_args(shapes.Method)
_BELOW: Final = "/*"


def set_mirror_route(shape: shapes.MirrorRouteShape) -> SetMirrorRoute:
    """Without a percentage all of what matches; without both nothing, which is how Argo Rollouts ends it."""
    usual = 0 if shape.match is None else BUCKETS
    share = usual if shape.percentage is None else shape.percentage
    allowed = EVERY_READ if shape.match is None else tuple(_allowed(each) for each in shape.match)
    return SetMirrorRoute(shape.name, share, allowed)


def _allowed(shape: shapes.MirrorMatchShape) -> Allowed:
    return Allowed(
        methods=_methods(shape.method),
        path=_text(shape.path) if shape.path else None,
        headers=tuple((name, _text(match)) for name, match in sorted((shape.headers or {}).items())),
    )


def _methods(shape: shapes.TextMatchShape | None) -> tuple[str, ...]:
    """Those of the methods that there are which the text fits."""
    if shape is None:
        return SAFE_METHODS
    if shape.exact is not None:
        return (shape.exact.upper(),)
    if shape.prefix is not None:
        return tuple(method for method in METHODS if method.startswith(shape.prefix))
    names = (shape.regex or "").strip("^$()").split("|")
    plain = all(re.fullmatch("[A-Z]+", name) for name in names)
    return tuple(names) if plain else METHODS


def _text(shape: shapes.TextMatchShape) -> TextMatch:
    if shape.exact is not None:
        return TextMatch(How.EXACT, shape.exact)
    return TextMatch(How.PREFIX, shape.prefix) if shape.prefix is not None else TextMatch(How.REGEX, shape.regex or "")


def shadow(shape: shapes.ShadowShape) -> Shadow:
    """One alternative for each path, all with the same methods."""
    methods = tuple(dict.fromkeys(shape.methods or SAFE_METHODS))
    paths = [_path(text) for text in shape.paths] if shape.paths else [None]
    return Shadow(
        share_bp=shape.share,
        duration_s=shape.for_,
        allowed=tuple(Allowed(methods, path) for path in paths),
        withheld=tuple(dict.fromkeys(shape.withhold or ())),
        compare=_compare(shape.compare) if shape.compare else None,
    )


def _path(text: str) -> TextMatch | None:
    if text == _BELOW:
        return None
    return TextMatch(How.PREFIX, text[:-1]) if text.endswith(_BELOW) else TextMatch(How.EXACT, text)


def _compare(shape: shapes.CompareShape) -> Compare:
    ignore, usual = shape.ignore or shapes.IgnoreShape(), Compare(0)
    return Compare(
        sample_bp=shape.sample,
        ignored=Ignored(tuple(ignore.fields or ()), tuple(ignore.headers or ()), ignore.tolerance or 0.0),
        most=shape.max_differences,
        at_least=usual.at_least if shape.at_least is None else shape.at_least,
    )
