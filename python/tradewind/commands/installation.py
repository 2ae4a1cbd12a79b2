"""`tradewind doctor` and `tradewind version`: what is installed here."""

from __future__ import annotations

import typer

from tradewind import __version__
from tradewind.commands.console import RUN_FAILED, AsJson, emit, examples
from tradewind.commands.surroundings import DataFolder, installed

DOCTOR_EXAMPLES = examples("doctor", "doctor --data FOLDER", "doctor --json")
VERSION_EXAMPLES = examples("version", "version --json")


def doctor(data: DataFolder = None, as_json: AsJson = False) -> None:
    """What is installed, found, missing, and how to get it."""
    facts = installed(data)
    lines = [f"{'ok     ' if item['ok'] else 'MISSING'} {item['name']:<18} {item['found']}" for item in facts["items"]]
    emit(facts, "\n".join(lines), as_json=as_json)
    if not facts["ok"]:
        raise typer.Exit(RUN_FAILED)


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    emit({"version": __version__}, __version__, as_json=as_json)
