import subprocess

import pytest

from croupier.adapters.workloads.process.command import check_template, environment, filled, shell_command
from croupier.core.releases import Limits, ProcessTemplate
from croupier.errors import Rejected

VALUES = {"port": "20001", "version": "1.0.0", "service": "auth", "instance": "0"}


def test_only_what_is_named_is_inherited() -> None:
    ours = {
        "PATH": "/bin",
        "HOME": "/home/x",
        "LC_TIME": "C",
        "PYTHONPATH": "src",
        "CROUPIER_TOKEN": "secret",
        "PGPASSWORD": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "XPATH": "no",
        "PYTHON": "no",
    }
    template = ProcessTemplate(
        ("x",), env=(("PATH", "/opt"), ("CROUPIER_URL", "http://x"), ("WHO", "{service}:{port}"))
    )
    assert environment(template, VALUES, ours) == {
        "PATH": "/opt",
        "HOME": "/home/x",
        "LC_TIME": "C",
        "PYTHONPATH": "src",
        "CROUPIER_URL": "http://x",
        "WHO": "auth:20001",
    }


def test_other_braces_stay() -> None:
    assert (
        filled('{"a": {}, "p": {port}} ${HOME} {{x}', VALUES | {"HOME": "h", "x": "y"}) == '{"a": {}, "p": 20001} $h {y'
    )


@pytest.mark.parametrize(
    "template, fields",
    [
        (ProcessTemplate(()), ["command"]),
        (ProcessTemplate(("",)), ["command"]),
        (ProcessTemplate(("x", "--port={PORT}", "{a}{b}")), ["command[1]", "command[2]", "command[2]"]),
        (ProcessTemplate(("x\0",)), ["command[0]"]),
        (ProcessTemplate(("x",), env=(("A=B", ""), ("", ""), ("C", "\0"))), ["env.C", "env", "env"]),
        (ProcessTemplate(("x",), instances=101), ["instances"]),
        (ProcessTemplate(("x",), health_path="healthz", metrics_path=""), ["health_path", "metrics_path"]),
    ],
)
def test_mistakes_are_named_with_their_place(template: ProcessTemplate, fields: list[str]) -> None:
    with pytest.raises(Rejected) as rejected:
        check_template(template)
    assert [problem.field for problem in rejected.value.problems] == fields


def test_the_shell_runs_nothing_before_it_is_told() -> None:
    words = shell_command(("sh", "-c", 'echo "$0 $1"; ulimit -n; cat', "a  b", "'c'"), Limits(open_files=99))
    told = subprocess.run(words, input=b"\nnot for the program", capture_output=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, b"a  b 'c'\n99\n", b"")
    untold = subprocess.run(words, input=b"", capture_output=True, check=False)
    assert (untold.returncode, untold.stdout) == (125, b"")
