"""The lock files pin everything and name nobody's registry, whoever made them last."""

import json
import re
from pathlib import Path

import pytest

import setup

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-demo.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_with_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = setup._pins(ROOT / name)
    assert "".join(pins.values()) == text, "a line of the lock is no pin: an index, an address, an option"
    assert [name for name, block in pins.items() if "--hash=sha256:" not in block] == []
    assert "://" not in text


def test_demo_runs_the_versions_that_the_tests_ran() -> None:
    def versions(lock: str) -> dict[str, str]:
        return {name: block.split()[0] for name, block in setup._pins(ROOT / lock).items()}

    assert versions("requirements-demo.lock").items() <= versions("requirements.lock").items()


@pytest.mark.parametrize("name", LOCKS)
def test_our_own_names_are_never_asked_of_an_index(name: str) -> None:
    assert [pin for pin in setup._pins(ROOT / name) if pin.startswith("croupier")] == []


def test_npm_lock_has_hashes_and_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text()
    packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert re.findall(r'"resolved"|://', text) == []
