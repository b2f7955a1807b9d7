"""Where the `auxdrive` command starts. Slow imports come only after Ctrl-C can be handled, so that
it ends the command with one line at any time. The packages that draw the command line are an
extra: without them one sentence says how to install it.
"""

from __future__ import annotations

import sys
from contextlib import suppress


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = 130
        with suppress(OSError, AttributeError):  # standard error is closed
            sys.stderr.write("interrupted\n")
    sys.exit(code)


def _run() -> int:
    from auxdrive.errors import MissingExtra
    from auxdrive.extras import require_command_line

    try:
        require_command_line()
    except MissingExtra as error:
        with suppress(OSError, AttributeError):
            sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    from auxdrive.cli import run

    return run()


if __name__ == "__main__":
    main()
