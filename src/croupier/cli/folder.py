"""``--out DIR``: a file for each thing that a command made. Called by the imports."""

from collections.abc import Mapping
from pathlib import Path

from croupier.cli.output import out
from croupier.errors import Rejected


def write_each(folder: Path, texts: Mapping[str, str]) -> None:
    """Write these texts under these names, and print where. Raises ``Rejected`` and writes none where one is there
    already.
    """
    paths = {folder / name: text for name, text in texts.items()}
    taken = [str(path) for path in paths if path.exists()]
    if taken:
        raise Rejected(f"{', '.join(taken[:5])} exists already.", hint="Name another directory.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in paths.items():
        path.write_text(text, encoding="utf-8")
        out.print(str(path), markup=False)
