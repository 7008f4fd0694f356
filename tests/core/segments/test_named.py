from croupier.core.segments.named import named, version_in


def test_an_id_names_its_version() -> None:
    assert named("r-1", "1.1.0") == "r-1@1.1.0"
    assert version_in("anna@home@1.1.0") == "1.1.0"
    assert [version_in(id_) for id_ in ("r-1", "@1.1.0", "r-1@", "")] == [None, None, None, None]
