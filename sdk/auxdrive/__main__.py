"""Where the `auxdrive` command starts. Slow imports come only after Ctrl-C can be handled, so that
it ends the command with one line at any time.
"""

from __future__ import annotations

import sys
from contextlib import suppress


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from auxdrive.cli import run

        code = run()
    except KeyboardInterrupt:
        code = 130
        with suppress(OSError, AttributeError):  # standard error is closed
            sys.stderr.write("interrupted\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
