"""The optional extras: which one brings a module, which one a command needs, and the errors where
one is not installed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from auxdrive.errors import MissingExtra, WrongVersion

COMMAND_LINE = "cli"
"""The extra of the command line. Every extra whose commands fill folders brings it."""
EXTRA_OF_MODULE = {
    "typer": COMMAND_LINE, "rich": COMMAND_LINE,
    "torch": "train", "lightning_fabric": "train", "safetensors": "train",
    "yaml": "train", "onnx": "deploy", "onnxscript": "deploy", "panda3d": "sim", "direct": "sim",
    "jinja2": "train", "markupsafe": "train", "matplotlib": "all",
    "av": "video", "rerun": "viz", "mcap": "mcap", "model_signing": "sign",
    "carla": "carla", "networkx": "carla", "ray": "distributed",
}  # fmt: skip
"""The extra that brings each module that a command may find missing."""
EVERYWHERE = ("filelock", "scipy", "jinja2", "markupsafe")
"""Modules that the extras of all commands bring: a command that lacks one needs its own extra."""
EXTRA_OF_COMMAND = {
    "train": "train", "select": "train", "ingest": "train", "evaluate": "train",
    "sweep": "train", "probe": "train", "reproduce": "train", "export": "deploy",
    "collect": "sim", "drive": "sim", "merge": "sim", "score": "sim", "diagnose": "sim",
    "dagger": "all", "demo": "all", "sign": "sign",
}  # fmt: skip
"""The extra that a command needs beside the command line's."""
WITHIN_EXTRA = {
    "train": (COMMAND_LINE,),
    "sim": (COMMAND_LINE,),
    "carla": (COMMAND_LINE,),
    "distributed": (COMMAND_LINE,),
    "deploy": ("train",),
    "all": ("train", "deploy", "sim", "video", "mcap", "openvino", "sign", "tensorboard"),
}
"""Which extras contain others (as in pyproject.toml; a test compares them)."""


def what_lacks(command: str, error: ImportError) -> MissingExtra | WrongVersion | None:
    """The error for a command whose import failed; None where no extra explains it.

    The command's own extra is named where it brings the missing module. Otherwise the module's
    extra is named, and the command's too if that is not complete. A package that is installed but
    lacks a part or a name has the wrong version.

    Args:
        command: its name.
        error: that the import raised.
    """
    module = (error.name or "").split(".")[0]
    needed = EXTRA_OF_MODULE.get(module)
    if module in EVERYWHERE:
        needed = EXTRA_OF_COMMAND.get(command, needed)
    if needed is None:
        return None
    own = EXTRA_OF_COMMAND.get(command, needed)
    if error.name != module or not isinstance(error, ModuleNotFoundError):
        from auxdrive.machine.facts import distribution_of

        return WrongVersion(f"`auxdrive {command}`", distribution_of(module), error, needed)
    if _brings(own, needed):
        return MissingExtra(f"`auxdrive {command}`", own)
    from auxdrive.machine.facts import extras

    lacking = [own] if any(extra.name == own and not extra.complete for extra in extras()) else []
    return MissingExtra(f"`auxdrive {command}`", *lacking, needed)


def _brings(extra: str, other: str) -> bool:
    """Whether an extra is or contains another."""
    return extra == other or any(_brings(inner, other) for inner in WITHIN_EXTRA.get(extra, ()))


@contextmanager
def needed_by_library(what: str, extra: str) -> Iterator[None]:
    """Turn a failed import within the `with` block into the error that names an extra, for parts of
    the library that programs call and no command alone.

    Args:
        what: needs the import, for the message.
        extra: that brings what is imported.

    Raises:
        MissingExtra: a module is not installed.
        WrongVersion: one is, but lacks what is needed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(what, extra) from error
    except ImportError as error:
        from auxdrive.machine.facts import distribution_of

        package = distribution_of((error.name or what).split(".")[0])
        raise WrongVersion(what, package, error, extra) from error


def require_modules(*modules: str) -> None:
    """Check that modules are installed, without importing them. So a command that needs them only
    later, or in other processes, ends before it has written anything.

    Raises:
        ModuleNotFoundError: one is not installed. It is the error that importing the first such one
            would raise; the command line turns it into one that names the extra.
    """
    for module in modules:
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def modules_of(extras: Collection[str]) -> tuple[str, ...]:
    """The known modules that some extras bring."""
    own = [module for module, extra in EXTRA_OF_MODULE.items() if extra in extras]
    return tuple(dict.fromkeys((*own, *EVERYWHERE)))


def require_command_line() -> None:
    """Check that what every command needs is installed.

    Raises:
        MissingExtra: it is not; the base install is a library.
    """
    modules = (name for name, extra in EXTRA_OF_MODULE.items() if extra == COMMAND_LINE)
    with needed_by_library("the command line", COMMAND_LINE):
        require_modules(*modules)
