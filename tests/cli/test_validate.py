"""Checking files without any control plane: places that an editor can jump to, and what to write instead."""

from pathlib import Path
from typing import Any


def test_good_files(cli: Any, files: Path) -> None:
    found = cli("validate", files.parent)
    assert (found.code, found.err) == (0, "")
    assert found.out == "✓ 5 documents, no mistakes.\n"
    assert cli("validate", files, "--json").json == {"ok": True, "problems": [], "passedOver": []}


def test_json_of_others_among_the_files(cli: Any, files: Path) -> None:
    cli.write("shop/package.json", "{}")
    found = cli("validate", files.parent)
    assert (found.code, found.err) == (0, f"passed over, not Croupier's: {files.parent}/package.json\n")
    cli.write("shop/tsconfig.json", "{}")
    assert "shop/package.json and 1 more\n" in cli("validate", files.parent).err
    assert len(cli("validate", files.parent, "--json").json["passedOver"]) == 2


def test_a_part_of_the_files(cli: Any, files: Path) -> None:
    """What it refers to may be elsewhere; that is no mistake, yet it was not checked."""
    *_, release = files.read_text(encoding="utf-8").split("\n---\n")
    alone = cli.write("release.yaml", release)
    found = cli("validate", alone)
    assert (found.code, found.out) == (0, "✓ 1 document, no mistakes, 1 warning.\n")
    assert "warning spec.service: service 'shop' is not in these files, so it was not checked." in found.err
    assert "croupier apply --dry-run" in found.err
    told = cli("validate", alone, "--json").json
    assert (told["ok"], [item["severity"] for item in told["problems"]]) == (True, ["warning"])
    mistyped = cli.write("shop/other.yaml", release.replace("service: shop", "service: shpo"))
    assert cli("validate", files.parent).code == 5
    assert "did you mean 'shop'?" in cli("validate", files, mistyped).err


def test_every_mistake_with_its_place(cli: Any, files: Path) -> None:
    text = files.read_text(encoding="utf-8")
    files.write_text(text.replace("setWeight: 20", "setWeigth: 20").replace('"95%"', '"195%"'), encoding="utf-8")
    found = cli("validate", files.parent)
    assert (found.code, found.out) == (5, "")
    lines = found.err.splitlines()
    assert lines[-1] == "✗ 2 mistakes."
    for name, line in (("195%", '"195%"'), ("steps[0]", "setWeigth")):
        number = next(
            n for n, content in enumerate(files.read_text(encoding="utf-8").splitlines(), 1) if line in content
        )
        assert any(f"{files}:{number}:" in said and name in said for said in lines), (name, lines)
    told = cli("validate", files, "--json")
    assert told.code == 5
    assert told.json["ok"] is False
    problem = told.json["problems"][0]
    assert set(problem) == {"file", "line", "column", "field", "severity", "message", "hint"}


def test_what_a_file_says_cannot_paint_the_terminal(cli: Any) -> None:
    path = cli.write("[red]bad[/].yaml", 'apiVersion: croupier/v1\nkind: "[bold]\\e[2J"\nmetadata: {name: x}\n')
    found = cli("validate", path)
    assert found.code == 5
    assert "\x1b" not in found.err
    assert "[red]bad[/].yaml:2:" in found.err
    assert "[bold]" in found.err


def test_files_that_cannot_be_read(cli: Any, tmp_path: Path) -> None:
    for path in (cli.write("bytes.yaml", "a: [1, 2"), tmp_path / "nowhere"):
        found = cli("validate", path)
        assert (found.code, found.out) == (5, "")
        assert str(path) in found.err
        assert "Traceback" not in found.err
