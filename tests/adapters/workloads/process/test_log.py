import os
from pathlib import Path

from croupier.adapters.workloads.process.log import prune, tail, trim


def test_what_is_cut_is_the_beginning(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("old\n" * 100 + "new\n" * 10)
    assert not trim(log, 440)
    assert trim(log, 40)
    assert log.read_text() == ""
    assert (tmp_path / "x.log.1").read_text() == "new\n" * 10
    assert not trim(tmp_path / "none.log", 40)


def test_the_tail_begins_with_the_process(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("before\n")
    assert tail(log, 7, 5) == ""
    with log.open("ab") as file:
        file.write(b"one\r\ntwo\n\xff\n")
    assert tail(log, 7, 2) == "two\n�"
    assert tail(log, 7, 9) == "one\ntwo\n�"
    # Cut in the meantime: all of it is younger.
    assert tail(log, 5_000, 1) == "�"
    assert tail(tmp_path / "none.log", 0, 5) == ""
    log.write_bytes(b"x" * 1_000_000)
    assert tail(log, 0, 5) == "x" * 300 + " …"
    log.write_bytes(b"\x1b[31;1mred\x1b[0m\x07\tand\x1b]0;title\x07 loud\n")
    assert tail(log, 0, 5) == "red\tand]0;title loud"


def test_the_oldest_logs_go_first(tmp_path: Path) -> None:
    for age, name in enumerate(("c.log", "b.log.1", "a.log", "other.txt")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_000 - age, 1_000 - age))
    prune(tmp_path, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"c.log", "b.log.1", "other.txt"}
