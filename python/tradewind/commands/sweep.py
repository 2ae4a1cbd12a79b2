"""`tradewind sweep …`: many parameters tried, every trial on record, the winner run in the engine."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tradewind.commands.console import AsJson, ProgressBars, complain, emit, examples
from tradewind.commands.surroundings import DataFolder, Simulated, market_size, market_source, run_folder, started

if TYPE_CHECKING:
    from tradewind.flow import Report
    from tradewind.research.runs import CodeFacts

app = typer.Typer(
    help="Try many parameters, every trial on record; run the winner in the engine.",
    epilog=examples(
        "sweep ma-cross --symbol ETHUSDT",
        "sweep portfolio --allocator risk_parity,equal_weight --volatility 0.2:0.4:0.1",
        "sweep ma-cross --symbol ETHUSDT --resume runs/20260101-120000-sweep-ma-cross",
    ),
    no_args_is_help=True,
)

Seed = Annotated[int, typer.Option(help="Seed of the learning, and of a simulated market.", min=0)]
Jobs = Annotated[int, typer.Option(help="How many at a time.", min=1)]
Resume = Annotated[
    Path | None, typer.Option(help="Folder of a sweep that was interrupted: repeat its command with this added.")
]
Out = Annotated[Path, typer.Option(help="Folder for sweeps; each gets its own, with its record and reports.")]
RUNS = Path("runs")


@app.command(
    "ma-cross",
    epilog=examples(
        "sweep ma-cross                                           BTCUSDT, 225 pairs",
        "sweep ma-cross --symbol ETHUSDT --fast 5:60:5 --slow 20:400:20 --jobs 4",
        "sweep ma-cross --fast 10,20,50 --slow 100,200 --rank-by total_return --json",
    ),
)
def ma_cross(
    *,
    symbol: Annotated[str, typer.Option(help="The symbol whose bars are traded.")] = "BTCUSDT",
    fast: Annotated[str, typer.Option(help="Fast windows in bars, FROM:TO:STEP or a,b,c.")] = "5:60:5",
    slow: Annotated[str, typer.Option(help="Slow windows in bars.")] = "20:400:20",
    rank_by: Annotated[
        Literal["sharpe", "total_return"], typer.Option(help="What the best pair is best in.")
    ] = "sharpe",
    data: DataFolder = None,
    simulated: Simulated = None,
    seed: Seed = 7,
    jobs: Jobs = 2,
    resume: Resume = None,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Screen moving-average crosses; run the best in the engine, where it was chosen and on what was held out."""
    from tradewind.research import cross_sweep, sweep_page, walk_forward

    settings = cross_sweep.CrossSettings(symbol, _windows(fast, "--fast"), _windows(slow, "--slow"), rank_by=rank_by)
    if not settings.pairs():
        raise typer.BadParameter("no fast window is below a slow one", param_hint="--fast, --slow")
    size, source, facts = market_size(simulated), market_source(data, simulated), started()
    with _folder(out, facts, "ma-cross", resume) as folder, ProgressBars(quiet=as_json) as progress:
        progress("market", 0, 1)
        market, name = walk_forward.load_market(source, seed, size)
        progress("market", 1, 1)
        done = cross_sweep.cross_sweep(market, name, settings, folder, facts, progress, threads=jobs)
        _write_page(done.chosen.report, folder / "in-sample.html")
        _write_page(done.held_out.report, folder / "held-out.html")
    replayed = _replayed(done.held_out.journal, data)
    emit(sweep_page.to_json(done), f"{sweep_page.terminal(done)}\n{replayed}", as_json=as_json)


@app.command(
    "portfolio",
    epilog=examples(
        "sweep portfolio                                          two allocators at two volatilities",
        "sweep portfolio --allocator risk_parity,equal_weight --volatility 0.2:0.4:0.1 --jobs 4",
        "sweep portfolio --simulated 12x16 --json",
    ),
)
def portfolio(
    *,
    allocator: Annotated[str, typer.Option(help="Allocators, a,b,c.")] = "equilibrium_tilt,risk_parity",
    volatility: Annotated[str, typer.Option(help="Annual volatilities, FROM:TO:STEP or a,b,c.")] = "0.2,0.3",
    data: DataFolder = None,
    simulated: Simulated = None,
    seed: Seed = 7,
    jobs: Jobs = 2,
    resume: Resume = None,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Run the walk-forward portfolio under every allocator at every volatility, each a whole run in the engine."""
    from tradewind.research import portfolio_sweep, sweep_page, walk_forward

    settings = portfolio_sweep.settings(_allocators(allocator), _numbers(volatility, "--volatility"), seed)
    size, source, facts = market_size(simulated), market_source(data, simulated), started()
    with _folder(out, facts, "portfolio", resume) as folder, ProgressBars(quiet=as_json) as progress:
        progress("market", 0, 1)
        market, name = walk_forward.load_market(source, seed, size)
        progress("market", 1, 1)
        done = portfolio_sweep.portfolio_sweep(market, name, settings, folder, facts, progress, jobs=jobs)
        _write_page(done.run.report, folder / "best.html")
    replayed = _replayed(done.run.journal, data)
    emit(sweep_page.portfolio_json(done), f"{sweep_page.portfolio_terminal(done)}\n{replayed}", as_json=as_json)


@contextmanager
def _folder(out: Path, facts: CodeFacts, kind: str, resume: Path | None) -> Iterator[Path]:
    """The folder of a sweep, new unless one is gone on with. Nothing is left of a sweep that could not begin; of one
    that was interrupted, how to go on is said.

    Raises:
        typer.BadParameter: there is no sweep in the folder to go on with.
    """
    if resume is not None and not (resume / "sweep.json").is_file():
        raise typer.BadParameter(f"{resume} holds no sweep.json; name the folder of a sweep", param_hint="--resume")
    folder = resume or run_folder(out, facts, f"sweep-{kind}")
    try:
        yield folder
    except KeyboardInterrupt:
        if (folder / "sweep.json").is_file():
            complain("interrupted", f"what was done is on record; go on: the same command with --resume {folder}")
        raise
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()


def _replayed(journal: Path | None, data: Path | None) -> str:
    with_data = f" --data {shlex.quote(str(data))}" if data else ""
    return f"NEXT      tradewind replay {shlex.quote(str(journal))}{with_data}"


def _write_page(report: Report, path: Path) -> None:
    from tradewind import analytics

    path.write_text(analytics.html(report), encoding="utf-8")


def _allocators(text: str) -> tuple[str, ...]:
    from tradewind.portfolio import ALLOCATORS

    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in ALLOCATORS:
            raise typer.BadParameter(f"`{name}` is none of {', '.join(ALLOCATORS)}", param_hint="--allocator")
    return names


def _windows(text: str, option: str) -> tuple[int, ...]:
    numbers = _numbers(text, option)
    if any(n != int(n) or n < 1 for n in numbers):
        raise typer.BadParameter(f"`{text}`: a window is a whole number of bars, at least 1", param_hint=option)
    return tuple(int(n) for n in numbers)


def _numbers(text: str, option: str) -> tuple[float, ...]:
    """FROM:TO:STEP, both ends included, or a,b,c; increasing, each once. Decimals add up exactly."""
    try:
        if ":" in text:
            first, last, step = (Decimal(part) for part in text.split(":"))
            count = int((last - first) / step) + 1 if step > 0 else 0
            numbers = [first + i * step for i in range(count)]
        else:
            numbers = [Decimal(part) for part in text.split(",")]
        if not numbers or not all(n.is_finite() and n > 0 for n in numbers):
            raise ValueError("nothing in it, or a number that is not above 0")
    except (ArithmeticError, ValueError) as error:
        raise typer.BadParameter(
            f"`{text}` is neither FROM:TO:STEP nor a list a,b,c of numbers above 0", param_hint=option
        ) from error
    return tuple(float(n) for n in sorted(set(numbers)))
