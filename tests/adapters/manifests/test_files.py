"""Files and directories: limits, links, encodings. All on the real file system."""

import os
import tempfile
from pathlib import Path

import pytest

from croupier.adapters.manifests import read_paths
from croupier.adapters.manifests.files import MAX_FILE_BYTES, MAX_FILES, MAX_JSON_BYTES, read_sources

SEGMENT = "apiVersion: croupier/v1\nkind: Segment\nmetadata: {name: %s}\nspec: {match: {market: DE}}\n"


def problems(*paths: Path) -> list[str]:
    return [str(problem) for problem in read_paths(paths).problems]


def test_a_directory_is_read_with_everything_below_it(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.yaml").write_text(SEGMENT % "a")
    (tmp_path / "deep" / "b.yml").write_text(SEGMENT % "b")
    (tmp_path / "deep" / "er" / "c.json").write_text(
        '{"apiVersion": "croupier/v1", "kind": "Segment",\n'
        '\t"metadata": {"name": "c"}, "spec": {"match": {"market": "DE"}}}'
    )
    (tmp_path / ".git" / "hidden.yaml").write_text("broken: [")
    (tmp_path / "README.md").write_text("# no document")
    bundle = read_paths([tmp_path])
    assert bundle.problems == ()
    assert [document.name for document in bundle.documents] == ["a", "b", "c"]


def test_a_file_that_is_named_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "segments.txt"
    file.write_text(SEGMENT % "a")
    assert [document.name for document in read_paths([file]).documents] == ["a"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(SEGMENT % "a")
    assert problems(file, tmp_path, tmp_path) == []


def test_a_link_within_the_directory_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SEGMENT % "a")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "up").symlink_to("..", target_is_directory=True)
    assert problems(tmp_path) == []


def test_links_out_of_the_directory_are_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.yaml").write_text(SEGMENT % "a")
    (inside / "file.yaml").symlink_to(outside / "a.yaml")
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "loop.yaml").symlink_to("loop.yaml")
    text = "this link leads out of the directory. Copy the file, or name it by itself."
    assert problems(inside) == [
        f"{inside}/file.yaml: {text}",
        f"{inside}/folder: {text}",
        f"{inside}/loop.yaml: the file cannot be read: Too many levels of symbolic links. Check its permissions.",
    ]


def test_a_large_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    with file.open("wb") as out:
        out.truncate(10 * MAX_FILE_BYTES)  # sparse: there is nothing to read
    assert problems(file) == [f"{file}: the file is too large (10.0 MiB; at most 1 MiB). Split it into smaller files."]


def test_a_file_that_hides_its_size_is_read_only_up_to_the_limit() -> None:
    endless = Path("/dev/zero")
    assert problems(endless) == [f"{endless}: this is no regular file. Name a file or a directory."]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    assert problems(tmp_path) == [f"{pipe}: this is no regular file. Name a file or a directory."]


def test_a_directory_that_may_not_be_read_is_told() -> None:
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "closed").mkdir()
        (root / "closed" / "gate.yaml").write_text("a: 1\n")
        root.chmod(0o755)
        (root / "closed").chmod(0o700 if user == 0 else 0)
        try:
            if user == 0:  # root may read everything, so somebody else looks
                os.seteuid(65_534)
            found = [str(source.problem) for source in read_sources([root])]
        finally:
            os.seteuid(user)
            (root / "closed").chmod(0o700)
        assert found == [f"{root}/closed: it cannot be read: Permission denied. Check its permissions."]


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number:04}.yaml").touch()
    *_, last = read_sources([tmp_path])
    assert str(last.problem) == f"{last.file}: there are more than 1000 files. Name a directory with fewer files."


def test_too_much_altogether_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        with (tmp_path / f"{number}.json").open("wb") as file:
            file.write(b'{"feature": ""}')
            file.truncate(MAX_JSON_BYTES)
    *_, last = read_sources([tmp_path])
    assert str(last.problem) == f"{last.file}: the files hold more than 64 MiB. Name fewer files."


def test_too_many_documents_are_refused(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.yaml").write_text("---\n".join(["a: 1\n"] * 500))
    expected = "there are more than 1000 documents, as many as are taken at a time. Name fewer files."
    assert f"{tmp_path}/2.yaml: {expected}" in problems(tmp_path)


def test_somebody_elses_json_is_passed_over_below_a_directory(tmp_path: Path) -> None:
    (tmp_path / "node_modules" / "left-pad").mkdir(parents=True)
    (tmp_path / "node_modules" / "left-pad" / "a.yaml").write_text("broken: [")
    (tmp_path / "segment.yaml").write_text(SEGMENT % "a")
    (tmp_path / "package.json").write_text('{"name": "casino", "version": "1.0.0"}')
    (tmp_path / "package-lock.json").write_text("{" + " " * MAX_FILE_BYTES + "}")
    (tmp_path / "cluster.json").write_text('{"apiVersion": "v1", "kind": "Service"}')
    bundle = read_paths([tmp_path])
    assert bundle.problems == ()
    assert [document.name for document in bundle.documents] == ["a"]
    assert bundle.foreign == tuple(f"{tmp_path}/{name}.json" for name in ("cluster", "package-lock", "package"))


@pytest.mark.parametrize(
    "text", ['{"apiVersion": "croupier/v1", "kind": ', '{"feature" :"x",', '{"apiVersion":"croupier"}']
)
def test_a_mistake_in_json_of_ours_is_said_below_a_directory(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.json").write_text(text)
    bundle = read_paths([tmp_path])
    assert bundle.foreign == ()
    assert bundle.errors


def test_somebody_elses_json_that_is_named_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    file.write_text('{"name": "casino"}')
    assert f"{file}:1:1 apiVersion: 'apiVersion' is missing. Write apiVersion: croupier/v1." in problems(file)
    assert problems(tmp_path) == [
        f"{file}: no document of Croupier's: no apiVersion: croupier/v1, no feature. Name other files."
    ]


def test_json_that_cannot_be_looked_into_is_said(tmp_path: Path) -> None:
    (tmp_path / "loop.json").symlink_to("loop.json")
    os.mkfifo(tmp_path / "pipe.json")
    assert len(problems(tmp_path)) == 2


def test_paths_that_lead_to_no_file(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    assert problems(loop) == [
        f"{loop}: the file cannot be read: Too many levels of symbolic links. Check its permissions."
    ]
    assert problems(Path("a\0b")) == ["a\0b: the file cannot be read: embedded null byte. Check its permissions."]


def test_what_is_not_there(tmp_path: Path) -> None:
    assert problems(tmp_path / "no.yaml") == [f"{tmp_path}/no.yaml: there is no such file. Check the path."]
    assert problems(tmp_path) == [
        f"{tmp_path}: there is no .yaml, .yml or .json file in this directory. Name another one."
    ]


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"", "1:1 the file is empty. Write a document, or remove the file."),
        (b"a: 1\nb: \xe4\n", "2:4 the byte 0xe4 is no UTF-8. Save the file as UTF-8."),
        ("ä: 1".encode("utf-16"), "1:1 the file is UTF-16, not UTF-8. Save it as UTF-8."),
        (b"a: \x00\n", "1:4 the character NUL is not allowed in a file. Remove it."),
        (b"\x7fELF\x02\x01", "1:1 the character U+007F is not allowed in a file. Remove it."),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(content)
    assert problems(file) == [f"{file}:{expected}"]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + (SEGMENT % "a").encode())
    assert problems(file) == []
