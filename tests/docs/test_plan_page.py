"""What ``docs/how-to/plan-a-rollout.md`` shows is what is printed, figure for figure."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/how-to/plan-a-rollout.md"


def test_the_plan_on_the_page_is_the_one_that_is_printed(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    documents, console = (
        re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0] for kind in ("yaml", "console")
    )
    command, _, shown = console.partition("\n")
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases/payments.yaml").write_text(documents, encoding="utf-8")
    words = shlex.split(command.removeprefix("$ croupier "))
    run = subprocess.run(
        [sys.executable, "-m", "croupier", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert in_words(run.stdout) == in_words(shown), f"write the page anew; the command printed:\n{run.stdout}"


def in_words(text: str) -> list[list[str]]:
    """Line by line, a table's cells apart: a pipe gets tabs where a terminal and the page have spaces."""
    return [re.split(r"\t| {2,}", line.strip()) for line in text.splitlines() if line.strip()]
