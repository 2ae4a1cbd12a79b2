"""`tradewind parity`: a node's day beside the simulator's, and the difference taken apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind.commands.console import RUN_FAILED, AsJson, complain, emit, examples
from tradewind.flow import DataRefused

EXAMPLES = examples("parity --folder state", "parity --folder state --latency-ms 5 --maker-bps 2 --taker-bps 5 --json")

_PARTS = ("missed_fills", "extra_fills", "price", "fees", "funding")
_RATE_ONE = Decimal(100_000_000)


def parity(
    folder: Annotated[Path, typer.Option("--folder", "-f", help="A node's folder.")],
    latency_ms: Annotated[
        float | None, typer.Option(min=0.0, help="Each way. Else half of what an acknowledgement took, in the median.")
    ] = None,
    maker_bps: Annotated[float | None, typer.Option(help="Else what the fills were charged; with --taker-bps.")] = None,
    taker_bps: Annotated[float | None, typer.Option(help="Else what the fills were charged; with --maker-bps.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a node's orders to the simulator, on the market data it heard, and say why the profit differs.

    Fills that only the simulation had are missed, fills that only the node had are extra, the rest differs by price, by
    fees and by funding; nothing is left over. Latency stands beside it: what the simulation loses by it.
    """
    from tradewind import _native
    from tradewind.research import journals

    if (maker_bps is None) != (taker_bps is None):
        raise typer.BadParameter("--maker-bps and --taker-bps are given together")
    if not journals.is_node(folder):
        how = "name the folder of node.toml: it holds journal/ and market/"
        raise DataRefused("this is no node's folder", str(folder), how)
    fees = None if maker_bps is None or taker_bps is None else (round(maker_bps * 10_000), round(taker_bps * 10_000))
    latency_ns = None if latency_ms is None else round(latency_ms * 1_000_000)
    try:
        found = json.loads(_native.day_parity(folder, fees, latency_ns))
    except (ValueError, OSError) as error:
        how = "parity needs the market data beside the journal; take both from a copy"
        raise DataRefused(str(error), str(folder), how) from error
    emit(found, _page(found), as_json=as_json)
    if left := [i["symbol"] for i in found["instruments"] if Decimal(i["residual"]) != 0]:
        complain(
            "run failed", f"the parts do not add up for {', '.join(left)}\n  how to go on: report it with the folder"
        )
        raise typer.Exit(RUN_FAILED)


def _page(found: Mapping[str, Any]) -> str:
    first, last = found["span_ns"] or (0, 0)
    rows = [f"{found['events']:,} market events over {(last - first) / 60e9:.1f} minutes"]
    if found["events_gone"]:
        rows[0] += f"; {found['events_gone']:,} earlier ones have been let go, and what was sent then is left out"
    if not found["instruments"]:
        rows.append("no order was sent")
    for each in found["instruments"]:
        rows += ["", *_instrument(each)]
    return "\n".join(rows)


def _instrument(each: Mapping[str, Any]) -> list[str]:
    lot = Decimal(each["lot"])
    maker, taker = (Decimal(each[name]) / _RATE_ONE * 10_000 for name in ("maker_rate_e8", "taker_rate_e8"))
    share = f"{100 * each['agreeing'] / each['orders']:.1f} %" if each["orders"] else "none"
    rows = [
        f"{each['venue']} {each['market']} {each['symbol']}, in {each['value_asset']}",
        f"  orders {each['orders']:,}, the same in both {each['agreeing']:,} ({share})"
        + (f", left out {each['left_out']:,}" if each["left_out"] else ""),
        f"  simulated with fees of {maker:.4f} and {taker:.4f} bps, {each['latency_ns'] / 1e6:.3f} ms away",
        f"  {'':<14}{'live':>18}{'simulated':>18}{'difference':>18}",
        _row("traded lots", each["live_lots"], each["simulated_lots"], each["live_lots"] - each["simulated_lots"]),
        _row("traded", each["live_lots"] * lot, each["simulated_lots"] * lot, ""),
        _row("profit", each["live"], each["simulated"], each["gap"]),
    ]
    rows += [_row(f"  {part.replace('_', ' ')}", "", "", each[part]) for part in _PARTS]
    rows.append(_row("  residual", "", "", each["residual"]))
    rows.append(_row("latency beside", "", each["latency"], ""))
    rows += [_row("fees not valued", amount, "", asset) for asset, amount in each["unvalued_fees"].items()]
    return rows


def _row(name: str, live: object, simulated: object, difference: object) -> str:
    return f"  {name:<14}{live!s:>18}{simulated!s:>18}{difference!s:>18}".rstrip()
