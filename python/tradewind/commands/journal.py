"""`tradewind journal …`: the log of a run, proven, printed, exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tradewind.commands.console import AsJson, emit, examples, write

JournalPath = Annotated[Path, typer.Argument(help="A journal, file or folder, or a node's folder.")]

app = typer.Typer(
    help="Journals: the log of a run.", epilog=examples("journal verify runs/…/run.journal"), no_args_is_help=True
)


@app.command("verify", epilog=examples("journal verify runs/20250101-120000-portfolio/run.journal"))
def verify(path: JournalPath, as_json: AsJson = False) -> None:
    """Prove every byte: checksums, hash chain, order. A torn tail is reported, damage refused (exit 3)."""
    from tradewind.research import replays

    facts = replays.verify(path)
    verdict = "every byte is proven"
    if facts["torn_bytes"]:
        verdict = (
            f"torn: the last {facts['torn_bytes']:,} bytes are a block that was never finished, and are not used; "
            "every byte before them is proven"
        )
    text = "\n".join(f"{key:<14} {value}" for key, value in facts.items())
    emit({**facts, "verdict": verdict}, f"{text}\n{verdict}", as_json=as_json)


@app.command("show", epilog=examples("journal show run.journal --kind Filled --order 1-1-42 --json"))
def show(
    path: JournalPath,
    kind: Annotated[list[str] | None, typer.Option(help="Only input, outcome, market, …; Filled, Decision, …")] = None,
    order: Annotated[str | None, typer.Option(help="Only what names this order, as 1-1-42.")] = None,
    from_seq: Annotated[int, typer.Option(min=0, help="From this input number on.")] = 0,
    limit: Annotated[int, typer.Option(min=0, help="At most so many entries.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Print a journal's entries, one per line, with names, prices and quantities."""
    from tradewind.research import journals

    names = journals.Names()
    for entry in journals.entries(path, kinds=kind or (), order=order, from_seq=from_seq, limit=limit, names=names):
        write(json.dumps(entry) if as_json else journals.describe(entry, names))


@app.command("export", epilog=examples("journal export run.journal --out tables --json"))
def export(
    path: JournalPath,
    out: Annotated[Path, typer.Option(help="Folder for the Parquet files.")],
    as_json: AsJson = False,
) -> None:
    """Write a journal's orders, fills, refusals and ledger postings as Parquet files."""
    from tradewind.research import journals

    written = journals.export(path, out)
    payload = {name: {"file": str(file), "rows": rows} for name, (file, rows) in written.items()}
    text = "\n".join(f"{rows:>9} {name:<9} {file}" for name, (file, rows) in written.items())
    emit(payload, text, as_json=as_json)
