"""A strategy from a user's file: `path/to/file.py:ClassName`.

The file is run as Python would run it, with its own folder first on the import path. What it raises is the user's to
mend and is told in one screen. A backtest makes the class without arguments; a node with those of its configuration.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from tradewind.research.failures import RunFailed
from tradewind.strategy import Strategy

_VERBS = ("wakes", "on_wake")
_FACTS = ("name", "parameters")
_TRACE_LINES = 6


class NoSuchStrategy(Exception):
    """A reference that leads to no strategy; says what there is instead."""


def load(reference: str) -> Strategy:
    """The strategy that `path/to/file.py:ClassName` names.

    Raises:
        NoSuchStrategy: no such file, or no such class in it.
        RunFailed: the file or the class raises, or the class is no strategy.
    """
    return make(find(reference), reference, {})


def find(reference: str) -> type:
    """The class that `path/to/file.py:ClassName` names; its file is run.

    Raises:
        NoSuchStrategy: no such file, or no such class in it.
        RunFailed: the file raises.
    """
    path_text, separator, name = reference.rpartition(":")
    path = Path(path_text)
    if not separator or not name.isidentifier() or path.suffix != ".py":
        raise NoSuchStrategy(f"`{reference}` is not path/to/file.py:ClassName")
    if not path.is_file():
        raise NoSuchStrategy(f"there is no file {path}")
    module = _run_file(path)
    if not isinstance(found := module.get(name), type):
        classes = sorted(
            key for key, value in module.items() if isinstance(value, type) and value.__module__ == _module_name(path)
        )
        raise NoSuchStrategy(f"{path} has no class {name}; it has {', '.join(classes) or 'none'}")
    return found


def make(kind: type, reference: str, arguments: Mapping[str, object]) -> Strategy:
    """A strategy of a class.

    Raises:
        RunFailed: the class raises, or is no strategy.
    """
    strategy = _made(kind, reference, arguments)
    missing = [verb for verb in _VERBS if not callable(getattr(strategy, verb, None))]
    missing += [fact for fact in _FACTS if not hasattr(strategy, fact)]
    if missing:
        raise RunFailed(
            f"{reference} is no strategy: it has no {', '.join(missing)}\n"
            "  how to go on: see tradewind.strategy.Strategy, and examples/patient_maker.py"
        )
    return cast(Strategy, strategy)


def _module_name(path: Path) -> str:
    return f"strategy_file_{path.stem}"


def _run_file(path: Path) -> dict[str, object]:
    spec = importlib.util.spec_from_file_location(_module_name(path), path)
    if spec is None or spec.loader is None:
        raise NoSuchStrategy(f"{path} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    # As `python path` does: imports from beside the file work, and its dataclasses find their module.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # A user's file may raise anything.
        raise _failed(f"{path} cannot be run", error) from error
    return vars(module)


def _made(kind: type, reference: str, arguments: Mapping[str, object]) -> object:
    try:
        return kind(**arguments)
    except Exception as error:  # A user's class may raise anything.
        how = f"with {', '.join(arguments)}" if arguments else "without arguments"
        raise _failed(f"{reference} cannot be made {how}", error) from error


def _failed(what: str, error: Exception) -> RunFailed:
    trace = "".join(traceback.format_exception(error)).rstrip().splitlines()
    return RunFailed("\n    ".join([what, *trace[-_TRACE_LINES:]]) + "\n  how to go on: mend the file and run again")
