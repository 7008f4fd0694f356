"""Text that would like to be more than text, and what a page may make of it."""

from html.parser import HTMLParser

EVIL = '"\'><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>{{7*7}}${7*7}</script><!--'


class _Tags(HTMLParser):
    """Every tag of a page with its attributes, as a browser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def harmless(text: str) -> None:
    """No such text has become markup."""
    for tag, attributes in _Tags(text).found:
        assert tag != "img"
        assert not [name for name in attributes if name.startswith("on")]
        assert "style" not in attributes
        if tag == "script":
            assert (attributes.get("src") or "").startswith("/static/")
    assert EVIL not in text
