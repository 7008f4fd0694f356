import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


@pytest.mark.skipif(find_spec("cel_expr_python") is None, reason="cel-expr-python has no wheel for this platform")
def test_random_expressions_agree_with_the_reference() -> None:
    # In a process of its own: the reference's binding miscounts its references to None, and may take Python with it.
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.flags.cel_differential", "4000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"^([\d,]+) pairs .* agree, 0 do not", run.stdout, re.MULTILINE)
    assert found, run.stdout
    assert int(found[1].replace(",", "")) >= 3_900
