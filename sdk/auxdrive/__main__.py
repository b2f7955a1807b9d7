"""Where the `auxdrive` command starts. It imports nothing that takes time before it can be
interrupted: Ctrl-C ends with one line.
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
