"""``--out DIR``: a file for each thing that a command made. Called by the imports."""

from collections.abc import Mapping
from pathlib import Path

from croupier.cli.output import out
from croupier.errors import Rejected


def write_each(folder: Path, texts: Mapping[str, str]) -> None:
    """Write these texts under these names, and print where. Raises ``Rejected`` where something is there already, also
    a link, whatever it leads to, or the directory cannot be written to; then nothing that was there is changed.
    """
    paths = {folder / name: text for name, text in texts.items()}
    taken = [str(path) for path in paths if path.is_symlink() or path.exists()]
    if taken:
        raise Rejected(f"{', '.join(taken[:5])} exists already.", hint="Name another directory.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            with path.open("x", encoding="utf-8") as file:  # never through a link that somebody put there meanwhile
                file.write(text)
            out.print(str(path), markup=False)
    except OSError as error:
        raise Rejected(
            f"{error.filename} cannot be written: {error.strerror}.", hint="Name another directory."
        ) from None
