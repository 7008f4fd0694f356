"""What exactly is started: placeholders filled in, the environment, the limits. Pure; called when an instance starts.

A process sees the variables in ``INHERITED`` of the control plane's environment, those of its template, and nothing
else: no token or database address of the control plane can leak into a service.
"""

import re
from collections.abc import Mapping

from croupier.core.releases import Limits, ProcessTemplate
from croupier.errors import Problem, Rejected

INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|VIRTUAL_ENV|PYTHON[A-Z]+|SSL_CERT_(FILE|DIR)"
)
"""Names that a process inherits: where programs, time zone, language, certificates and Python's own settings are
found.
"""

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KNOWN = ("port", "version", "service", "instance")
MOST_INSTANCES = 100

# The shell waits for one line before it becomes the program. The control plane sends it after it has recorded the
# process; if it dies before, the shell reads the end of the pipe and leaves, so nothing ever runs that no record knows.
# Limits are set by the shell too: they hold from the program's first instruction, without running Python between fork
# and exec.
_WAIT = "read -r _ || exit 125"
_BECOME = 'exec "$@" </dev/null'


def check_template(template: ProcessTemplate) -> None:
    """Raises ``Rejected``, naming every mistake, when this template could never be started."""
    problems: list[Problem] = []
    if not template.command or not template.command[0]:
        problems.append(Problem("the command is empty", ("command",), "Write the program and its arguments."))
    if not 1 <= template.instances <= MOST_INSTANCES:
        problems.append(Problem(f"{template.instances} instances", ("instances",), f"Ask for 1 to {MOST_INSTANCES}."))
    for name, route in (("health_path", template.health_path), ("metrics_path", template.metrics_path)):
        if not route.startswith("/"):
            problems.append(Problem(f"{route!r} is no path", (name,), "Begin it with a slash."))
    places: list[tuple[tuple[str | int, ...], str]] = [
        *((("command", number), word) for number, word in enumerate(template.command)),
        *((("env", name), value) for name, value in template.env),
    ]
    for path, text in places:
        if "\0" in text:
            problems.append(Problem("holds a NUL character", path))
        problems += [
            Problem(
                f"unknown placeholder {{{name}}}",
                path,
                "Known are " + ", ".join(f"{{{known}}}" for known in _KNOWN) + ".",
            )
            for name in _PLACEHOLDER.findall(text)
            if name not in _KNOWN
        ]
    for name, _ in template.env:
        if not name or "=" in name or "\0" in name:
            problems.append(Problem(f"{name!r} is no name for a variable", ("env",)))
    if problems:
        raise Rejected("; ".join(str(problem) for problem in problems), problems=tuple(problems))


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its placeholders replaced; other braces stay as they are."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def environment(template: ProcessTemplate, values: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of the process; ``ours`` is that of the control plane."""
    kept = {name: value for name, value in ours.items() if INHERITED.fullmatch(name)}
    return kept | {name: filled(value, values) for name, value in template.env}


def shell_command(command: tuple[str, ...], limits: Limits) -> list[str]:
    """The words to start: a shell that waits for its record, sets the limits and becomes ``command``.

    ``memory_bytes`` limits the data segment (``RLIMIT_DATA``: heap and private writable mappings) of each process;
    memory that is only reserved, as many runtimes do by the gigabyte, does not count.
    """
    script = [_WAIT]
    if limits.memory_bytes is not None:
        script.append(f"ulimit -d {limits.memory_bytes // 1024} || exit 126")
    if limits.open_files is not None:
        script.append(f"ulimit -n {limits.open_files} || exit 126")
    return ["/bin/sh", "-c", "\n".join([*script, _BECOME]), "croupier", *command]
