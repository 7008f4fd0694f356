"""Values of arguments, secrets among them: read for every measurement, kept nowhere. Called by the measurer."""

from collections.abc import Iterable, Mapping
from typing import Final

from croupier.adapters.metrics.web.settings import MeasureSettings
from croupier.core.gates.analysis.model import Arg
from croupier.core.gates.analysis.placeholders import filled_value

_LONGEST: Final = 65_536


class Unmeasured(Exception):
    """There is no measurement, and why. The words hold no secret. ``outage``: later there may be one."""

    def __init__(self, why: str, *, outage: bool = False) -> None:
        super().__init__(why)
        self.outage = outage


def values(args: Iterable[Arg], about: Mapping[str, str], settings: MeasureSettings) -> tuple[dict[str, str], set[str]]:
    """What stands for each placeholder (``args.NAME``, and those of ``about``), and which of it is secret. Raises
    ``Unmeasured``, and ``KeyError`` for a placeholder in a value that nothing stands for.
    """
    found, secrets = dict(about), set[str]()
    for arg in args:
        if arg.value is not None:
            text = filled_value(arg.value, about)
        else:
            text = _secret(arg, settings)
            secrets.add(text)
        found[f"args.{arg.name}"] = text
    return found, secrets


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without these."""
    for secret in secrets:
        text = text.replace(secret, "*****")
    return text


def _secret(arg: Arg, settings: MeasureSettings) -> str:
    if arg.env is not None:
        text = settings.env.get(arg.env)
        if text is None:
            raise Unmeasured(f"argument {arg.name}: the control plane has no environment variable {arg.env}")
        return _fit(arg, text)
    if settings.secrets_dir is None:
        raise Unmeasured(f"argument {arg.name} is a secret in a file, and CROUPIER_SECRETS_DIR is not set")
    root = settings.secrets_dir.resolve()
    try:
        file = (root / str(arg.file)).resolve()
        if not file.is_relative_to(root):
            raise Unmeasured(f"argument {arg.name}: {arg.file} leads out of CROUPIER_SECRETS_DIR")
        return _fit(arg, file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Unmeasured(f"argument {arg.name}: the secret {arg.file} cannot be read: {why}") from None


def _fit(arg: Arg, text: str) -> str:
    text = text.strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise Unmeasured(f"argument {arg.name}: the secret is empty, too long, or has control characters")
    return text
