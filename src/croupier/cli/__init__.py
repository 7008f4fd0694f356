"""The ``croupier`` command: every error leaves as an instruction and a documented exit code. ``app`` has the verbs."""

import os
import sys


def main() -> None:
    """Run the command line. Errors become a message with a hint on standard error, and an exit code. A reader that has
    seen enough (``| head -1``) is no error.
    """
    begun_at = ""
    if sys.argv[1:3] == ["flag", "kill"]:
        from croupier.cli.ahead import kill_ahead

        begun_at = kill_ahead(sys.argv[3:], os.environ)
    code: str | int | None = 0
    try:
        code = _run(begun_at)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer goes nowhere; Python would try once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run(begun_at: str) -> str | int | None:
    # All that takes time to load comes here, after a kill is on its way.
    from croupier.cli.app import app
    from croupier.cli.output import Exit, exit_code, report
    from croupier.errors import CroupierError

    try:
        app(obj=begun_at)
    except CroupierError as error:
        report(error)
        return exit_code(error)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        return end.code
    except KeyboardInterrupt:
        return 130
    return Exit.OK
