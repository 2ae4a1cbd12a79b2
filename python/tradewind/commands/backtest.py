"""`tradewind backtest`: one run of one strategy, its report, its journal."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tradewind.commands.console import AsJson, ProgressBars, complain, examples, write
from tradewind.commands.surroundings import DataFolder, Simulated, market_size, market_source, run_folder, started
from tradewind.flow import DataRefused

if TYPE_CHECKING:
    from tradewind.flow import Report
    from tradewind.market import DataSource
    from tradewind.research.runs import CodeFacts
    from tradewind.research.walk_forward import SimulatedSize
    from tradewind.strategy import Strategy

PORTFOLIO, QUOTING_RUST, QUOTING_PYTHON = "portfolio", "quoting-rust", "quoting-python"
STRATEGIES = (PORTFOLIO, QUOTING_RUST, QUOTING_PYTHON)

EXAMPLES = examples(
    "backtest                                        the multi-asset portfolio, walk-forward",
    "backtest --allocator risk_parity --volatility 0.2 --html report.html",
    "backtest --simulated 12x16                      the same on a simulated market of 12 coins, 16 months",
    "backtest quoting-rust --market binance_spot:BTCUSDT",
    "backtest examples/patient_maker.py:PatientMaker --market binance_usdm:ETHUSDT --json",
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a run leaves its files. html, md: further copies that the user asked for."""

    folder: Path
    html: Path | None
    md: Path | None

    @property
    def journal(self) -> Path:
        return self.folder / "run.journal"

    @property
    def report(self) -> Path:
        return self.html or self.folder / "report.html"


def backtest(
    *,
    strategy: Annotated[
        str, typer.Argument(help=f"{', '.join(STRATEGIES)}, or your own as path/to/file.py:ClassName.")
    ] = PORTFOLIO,
    data: DataFolder = None,
    allocator: Annotated[
        str,
        typer.Option(help="Portfolio: equilibrium_tilt, mean_variance, minimum_variance, risk_parity or equal_weight."),
    ] = "equilibrium_tilt",
    volatility: Annotated[
        float, typer.Option(help="Portfolio: annual volatility to scale to.", min=0.01, max=2.0)
    ] = 0.30,
    seed: Annotated[
        int, typer.Option(help="Seed of the learning, and of the market where it is simulated.", min=0)
    ] = 7,
    simulated: Simulated = None,
    market: Annotated[
        str, typer.Option(metavar="VENUE:SYMBOL", help="Other strategies: the depth recording to trade on.")
    ] = "binance_usdm:BTCUSDT",
    html: Annotated[Path | None, typer.Option(help="Write the report as one self-contained HTML file.")] = None,
    md: Annotated[Path | None, typer.Option("--md", help="Write the report as Markdown.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for runs; each gets its own, with journal and report.")] = Path(
        "runs"
    ),
    as_json: AsJson = False,
) -> None:
    """Backtest a strategy, out of sample and with costs; print its report."""
    run = _chosen_run(strategy, allocator, volatility, seed, market, market_size(simulated))
    source = market_source(data, simulated)
    facts = started()
    place = _new_place(out, strategy, facts, html, md)
    try:
        with ProgressBars(quiet=as_json) as progress:
            report, counts = run(source, place.journal, facts, progress)
        _write_files(report, place)
    except KeyboardInterrupt:
        if place.journal.exists():
            complain("interrupted", f"the journal up to its last whole block is in {place.journal}")
        raise
    finally:
        if not any(place.folder.iterdir()):
            place.folder.rmdir()
    with_data = f" --data {shlex.quote(str(data))}" if data else ""
    commands = _next_commands(strategy, allocator, market, report.run.provenance, place, with_data=with_data)
    _show(report, counts, place, commands, as_json=as_json)


_Runner = Callable[["DataSource", Path, "CodeFacts", Callable[[str, int, int], None]], "tuple[Report, dict[str, int]]"]


def _chosen_run(
    strategy: str, allocator: str, volatility: float, seed: int, market: str, size: SimulatedSize
) -> _Runner:
    """What the words of the command line mean; every one of them is checked before anything is written."""
    if strategy == PORTFOLIO:
        return _portfolio(allocator, volatility, seed, size)
    venue, separator, symbol = market.partition(":")
    if not separator or not venue or not symbol:
        raise typer.BadParameter(f"`{market}` is not VENUE:SYMBOL, such as binance_usdm:BTCUSDT", param_hint="--market")
    own = None if strategy in STRATEGIES else _own_strategy(strategy)
    return _on_depth(strategy, own, venue, symbol)


def _own_strategy(reference: str) -> Strategy:
    from tradewind.research import strategies

    if ":" not in reference:
        raise typer.BadParameter(
            f"`{reference}` is none of {', '.join(STRATEGIES)}, nor a path/to/file.py:ClassName", param_hint="strategy"
        )
    try:
        return strategies.load(reference)
    except strategies.NoSuchStrategy as error:
        raise typer.BadParameter(str(error), param_hint="strategy") from error


def _portfolio(allocator: str, volatility: float, seed: int, size: SimulatedSize) -> _Runner:
    from tradewind import portfolio
    from tradewind.research import walk_forward

    if allocator not in portfolio.ALLOCATORS:
        raise typer.BadParameter(
            f"`{allocator}` is none of {', '.join(portfolio.ALLOCATORS)}", param_hint="--allocator"
        )
    settings = walk_forward.settings(allocator=allocator, annual_volatility=volatility, seed=seed)

    def run(
        source: DataSource, journal: Path, facts: CodeFacts, progress: Callable[[str, int, int], None]
    ) -> tuple[Report, dict[str, int]]:
        progress("market", 0, 1)
        found, name = walk_forward.load_market(source, seed, size)
        progress("market", 1, 1)
        done = walk_forward.walk_forward(found, settings, journal, name, facts, progress)
        return done.report, {
            "inputs": done.executions.inputs,
            "orders": done.executions.orders.height,
            "fills": done.executions.fills.height,
        }

    return run


def _on_depth(strategy: str, own: Strategy | None, venue: str, symbol: str) -> _Runner:
    def run(
        source: DataSource, journal: Path, facts: CodeFacts, progress: Callable[[str, int, int], None]
    ) -> tuple[Report, dict[str, int]]:
        from tradewind.market import load_l2
        from tradewind.research import depth, quoting, setups

        if source.kind == "simulated":
            raise DataRefused(
                f"{strategy} trades on recorded depth, and no data folder was found",
                source.chosen_by,
                "name one with --data DIR or TRADEWIND_DATA",
            )
        setups.require_terms(venue, symbol)
        progress("depth", 0, 1)
        sample = load_l2(source, venue, symbol)
        progress("depth", 1, 1)
        parameters = quoting.parameters_for(sample)
        rule = parameters if strategy == QUOTING_RUST else own or quoting.Quoting(parameters)
        progress("trading", 0, 1)
        done = depth.backtest(sample, rule, setups.DepthFills(), journal, facts)
        progress("trading", 1, 1)
        return done.report, dict(done.counts)

    return run


def _new_place(out: Path, strategy: str, facts: CodeFacts, html: Path | None, md: Path | None) -> _Place:
    """A folder for the run. What cannot be written is said now, not when the run is over."""
    from tradewind.research.failures import RunFailed

    for path in (p for p in (html, md) if p is not None):
        if path.is_dir() or not path.absolute().parent.is_dir() or not os.access(path.absolute().parent, os.W_OK):
            raise RunFailed(f"{path} cannot be written\n  how to go on: name a file in a folder that is there")
    label = strategy if strategy in STRATEGIES else strategy.rpartition(":")[2]
    return _Place(run_folder(out, facts, label), html, md)


def _write_files(report: Report, place: _Place) -> None:
    from tradewind import analytics

    page = analytics.html(report)
    (place.folder / "report.html").write_text(page, encoding="utf-8")
    (place.folder / "report.json").write_text(analytics.to_json(report), encoding="utf-8")
    if place.html is not None:
        place.html.write_text(page, encoding="utf-8")
    if place.md is not None:
        place.md.write_text(analytics.markdown(report), encoding="utf-8")


def _next_commands(
    strategy: str, allocator: str, market: str, provenance: str, place: _Place, *, with_data: str
) -> tuple[str, ...]:
    replayed = f"tradewind replay {shlex.quote(str(place.journal))}{with_data}"
    if strategy == PORTFOLIO:
        another = "risk_parity" if allocator != "risk_parity" else "minimum_variance"
        return (
            replayed,
            f"tradewind backtest --allocator {another}{with_data}",
            "tradewind doctor" if provenance == "simulated" else f"tradewind backtest {QUOTING_RUST}{with_data}",
        )
    twin = QUOTING_PYTHON if strategy == QUOTING_RUST else QUOTING_RUST
    return (
        replayed,
        f"tradewind backtest {twin} --market {shlex.quote(market)}{with_data}",
        f"tradewind journal verify {shlex.quote(str(place.journal))}",
    )


def _show(
    report: Report, counts: Mapping[str, int], place: _Place, next_commands: tuple[str, ...], *, as_json: bool
) -> None:
    from tradewind import analytics

    if as_json:
        body = json.loads(analytics.to_json(report))
        body["counts"] = counts
        body["files"] = {"journal": str(place.journal), "html": str(place.report)}
        write(json.dumps(body, indent=2))
        return
    palette: Literal["ansi", "plain"] = "ansi" if sys.stdout.isatty() else "plain"
    write(analytics.terminal(report, next_commands, palette))
    write(f"\nreport: {place.report}")
