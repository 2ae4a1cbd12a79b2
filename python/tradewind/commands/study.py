"""`tradewind study …`: how far the models inside are from what was recorded."""

from __future__ import annotations

from typing import Annotated

import typer

from tradewind.commands.console import AsJson, emit, examples
from tradewind.commands.surroundings import DataFolder, data_source

app = typer.Typer(
    help="How far the models inside are from what was recorded.",
    epilog=examples("study queues", "study queues --json"),
    no_args_is_help=True,
)


@app.command("queues", epilog=examples("study queues", "study queues --json"))
def study_queues(
    market: Annotated[
        str, typer.Option("--market", help="An order-by-order recording: venue:symbol.")
    ] = "bitstamp:BTCUSD",
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Score every queue model on orders whose true place in the queue is known (docs/studies/queue-models.md)."""
    from tradewind.market import load_l3
    from tradewind.research import queue_study

    venue, _, symbol = market.partition(":")
    study = queue_study.score_queue_models(load_l3(data_source(data), venue, symbol), queue_study.Settings())
    facts = {"executions": study.executions, "out_of_turn": study.out_of_turn}
    emit({**facts, "scores": study.scores.fill_nan(None).to_dicts()}, queue_study.to_markdown(study), as_json=as_json)
