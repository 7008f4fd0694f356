import croupier.testing


def test_the_public_names_are_these() -> None:
    assert set(croupier.testing.__all__) == {
        "START",
        "Crash",
        "MemoryRouter",
        "MemorySpool",
        "MemoryWorkloads",
        "Moments",
        "Rehearsal",
        "ScriptedMetrics",
        "VirtualClock",
        "crash",
        "exposed",
        "version_for",
    }
    assert all(hasattr(croupier.testing, name) for name in croupier.testing.__all__)
