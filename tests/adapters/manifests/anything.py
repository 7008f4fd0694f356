"""Whatever a file may hold where one value is expected."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from croupier.adapters.manifests.misread import Misread

VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({})
    | st.from_regex(r"-?[0-9]+(\.[0-9]+)?(ms|s|m|h|d|%|Mi|MB| )?", fullmatch=True)
)  # fmt: skip


def taken_or_refused(reader: Callable[[object], Any], value: object) -> None:
    """The reader answers with a value or with words, and never with another error."""
    said = "taken"
    try:
        reader(value)
    except Misread as misread:
        said = misread.message
    assert said
