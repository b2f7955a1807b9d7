"""`python -m carla_server --port 2000 --town Town02 --xodr FOLDER`"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from .dialects import DIALECTS, NEWEST, speak
from .faults import Fault, Faults
from .scene import PlainScene, Scene
from .server import Server
from .small_town import small_xodr
from .town import Town
from .world import World

SMALL = "Small"


def towns_of(folder: Path | None) -> Callable[[str], Town]:
    """How a town is found by name: `Small`, or a file of the folder.

    Args:
        folder: with NAME.xodr or NAME.xodr.gz.
    """

    def find(name: str) -> Town:
        if name == SMALL:
            return Town(SMALL, small_xodr())
        if folder is None:
            raise FileNotFoundError(f"{name}: no folder of towns was given")
        return Town.load(folder, name)

    return find


def scene_of(text: str) -> Scene:
    """An object or a class by MODULE:NAME.

    Args:
        text: where it lies; "" for the plain scene.
    """
    if not text:
        return PlainScene()
    module, name = text.split(":")
    found = getattr(importlib.import_module(module), name)
    made: Scene = found() if isinstance(found, type) else found
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop, or until the parent's end of standard input closes.

    Args:
        arguments: of the command line.
    """
    parser = argparse.ArgumentParser(prog="carla_server")
    parser.add_argument("--port", type=int, default=0, help="0: a free one, printed when ready")
    parser.add_argument("--town", default=SMALL)
    parser.add_argument("--xodr", type=Path, help="folder of NAME.xodr or NAME.xodr.gz")
    parser.add_argument("--scene", default="", help="MODULE:NAME of a Scene")
    parser.add_argument("--client", choices=DIALECTS, default=NEWEST, help="version of the client")
    parser.add_argument("--bare-names", action="store_true", help="maps without a folder")
    parser.add_argument("--fault", type=Fault.read, action="append", default=[])
    parser.add_argument("--struck", type=Path, help="file that is told which faults strike")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin closes")
    options = parser.parse_args(arguments)
    speak(options.client, bare_names=options.bare_names)
    towns = towns_of(options.xodr)
    faults = Faults(list(options.fault), options.struck)
    world = World(towns, towns(options.town), scene_of(options.scene), faults)
    server = Server(world, options.port)
    if options.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    asyncio.run(server.serve(lambda port: print(f"ready {port}", flush=True)))


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
