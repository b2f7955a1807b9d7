"""Runs `auxdrive` commands and pieces of Python, each in a process of its own, forked from one that
has imported what they import: that takes longer than most of them.

Started with `-W error`, so that no import and no piece may warn. A request is a line of JSON on
standard input: the `folder` to run in, the file for what is `said`, and `words`, a command's
arguments, or `code`. The exit status comes back as a line on standard output.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import types
import warnings
from pathlib import Path

WARM = (
    "auxdrive_train",  # before torch, whose threads it sets up
    "torch._dynamo",  # optimizers import it
    "auxdrive.cli",
    "auxdrive.commands.predict",
    "auxdrive_deploy.bundle_writer",
    "auxdrive_eval.collecting.collect",
    "auxdrive_eval.driving.evaluate",
    "auxdrive_train.engine.train",
    "auxdrive_train.commands.training",
    "onnxscript",
    "scipy.stats",
)


class WarmProcess:
    """The process that has imported everything, to ask for others.

    Args:
        said: the file for what each of them says.
    """

    def __init__(self, said: Path) -> None:
        self._said = said
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "160"},
        )

    def run(self, folder: Path, page: str, **what: object) -> None:
        """Run a command's `words` or a block's `code` in a folder; it must end well.

        Args:
            folder: where it runs.
            page: where it stands.
            what: `words` or `code`.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        request = {"folder": str(folder), "said": str(self._said), **what}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        status = process.stdout.readline().strip()
        assert status == "0", f"{page}: {what}\n{self._said.read_text(errors='replace')}"

    def close(self) -> None:
        self._process.communicate()


def run(folder: str, said: str, words: list[str] | None = None, code: str = "") -> None:
    os.chdir(folder)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(target, stream)
    sys.modules["__main__"] = main = types.ModuleType("__main__")  # as `python -c` has it
    sys.path[0] = ""
    if words is None:
        sys.argv = ["-c"]
        exec(compile(code, "<block>", "exec"), main.__dict__)
        return
    from auxdrive.cli import main as command

    warnings.resetwarnings()
    sys.argv = ["auxdrive", *words]
    command()


def serve() -> dict[str, object] | None:
    """Fork for each request; returns the request in its process, and None at the end here."""
    for name in WARM:
        __import__(name)
    gc.freeze()  # or the end of each process would go through all that was imported
    # The only threads are those of OpenBLAS, which it begins anew in a fork.
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            request: dict[str, object] = json.loads(line)
            return request
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


if __name__ == "__main__" and (wanted := serve()) is not None:
    run(**wanted)  # type: ignore[arg-type]
