"""Whatever is valid for Argo Rollouts or Flagger is understood: each of its fields has exactly one line in the report,
and what is made is what Croupier takes. Manifests are drawn from all fields that there are.
"""

from typing import Any

from hypothesis import given, settings
from tests.adapters.imports import drawn_argo, drawn_flagger
from tests.adapters.imports.manifests import GAP, TOOLS, not_said_once, problems, refused

from croupier.adapters.imports.made import Made


def look(tool: str, data: list[Any]) -> list[Made]:
    mades = TOOLS[tool](data)
    assert problems(mades) == []
    assert refused(mades) == []
    assert len(mades) == len(data)
    for document, made in zip(data, mades, strict=True):
        assert not_said_once(document, made) == []
        assert [line.path for line in made.lines if GAP in line.text] == []
        assert made.what or not made.documents
    return mades


@settings(max_examples=60)
@given(drawn_argo.manifests())
def test_each_field_of_argo_rollouts_has_one_line(data: list[Any]) -> None:
    mades = look("argo", data)
    for document, made in zip(data, mades, strict=True):
        assert document["kind"] != "Rollout" or len(made.documents) == 1


@settings(max_examples=60)
@given(drawn_flagger.manifests())
def test_each_field_of_flagger_has_one_line(data: list[Any]) -> None:
    mades = look("flagger", data)
    for document, made in zip(data, mades, strict=True):
        assert document["kind"] != "Canary" or made.documents
