"""`tradewind …`: the one place that reads the clock, the environment and the command line.

Every command takes `--json`. Exit codes: 0 ok · 2 usage · 3 data refused · 4 run failed · 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tradewind import __version__
from tradewind.flow import DataRefused

if TYPE_CHECKING:
    from tradewind.flow import Report
    from tradewind.market import DataSource
    from tradewind.research.runs import CodeFacts

OK, USAGE, DATA_REFUSED, RUN_FAILED, INTERRUPTED = 0, 2, 3, 4, 130

app = typer.Typer(
    name="tradewind",
    help="Quantitative trading for crypto: one deterministic engine for research, backtest, paper and live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="What data there is, and whether it may be used.", no_args_is_help=True)
journal_app = typer.Typer(help="Journals: the log of a run.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(journal_app, name="journal")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Data folder; else TRADEWIND_DATA, ../shared/data, the user's catalog, a simulated market."
    ),
]


class StrategyName(StrEnum):
    """What can be backtested by name."""

    PORTFOLIO = "portfolio"
    QUOTING_RUST = "quoting-rust"
    QUOTING_PYTHON = "quoting-python"


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _emit(payload: dict[str, Any], text: str, *, as_json: bool) -> None:
    _print(json.dumps(payload, indent=2, default=str) if as_json else text)


def _code_facts() -> CodeFacts:
    from tradewind.research.runs import CodeFacts

    return CodeFacts(version=__version__, created_ns=time.time_ns())


def _source(data: Path | None) -> DataSource:
    from tradewind.market import locate

    return locate(data, os.environ, Path.cwd())


@app.command()
def backtest(
    *,
    strategy: Annotated[StrategyName, typer.Argument(help="What to run.")] = StrategyName.PORTFOLIO,
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
    market: Annotated[str, typer.Option(help="Quoting: VENUE:SYMBOL of a depth recording.")] = "binance_usdm:BTCUSDT",
    html: Annotated[Path | None, typer.Option(help="Write the report as one self-contained HTML file.")] = None,
    md: Annotated[Path | None, typer.Option("--md", help="Write the report as Markdown.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for this run's journal and report.")] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Backtest a strategy, out of sample and with costs; print its report.

    \b
    tradewind backtest                                        the multi-asset portfolio, walk-forward
    tradewind backtest --allocator risk_parity --volatility 0.2
    tradewind backtest quoting-rust --market binance_spot:BTCUSDT
    """  # noqa: D301 - a real backspace is how the command line marks text that keeps its lines
    folder = out / time.strftime("%Y%m%d-%H%M%S", time.gmtime()) / strategy.value
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / "run.journal"
    with _progress(quiet=as_json) as progress:
        if strategy is StrategyName.PORTFOLIO:
            report, counts = _portfolio(_source(data), allocator, volatility, seed, journal, progress)
        else:
            report, counts = _quoting(_source(data), strategy, market, journal)
    _show(report, counts, folder, journal, html, md, as_json=as_json)


def _portfolio(
    source: DataSource,
    allocator: str,
    volatility: float,
    seed: int,
    journal: Path,
    progress: Callable[[str, int, int], None],
) -> tuple[Report, dict[str, int]]:
    from tradewind import portfolio
    from tradewind.research import walk_forward

    if allocator not in portfolio.ALLOCATORS:
        raise typer.BadParameter(f"no allocator `{allocator}`; one of: {', '.join(portfolio.ALLOCATORS)}")
    settings = walk_forward.settings(allocator=allocator, annual_volatility=volatility, seed=seed)
    progress("market", 0, 1)
    found, name = walk_forward.load_market(source, seed)
    progress("market", 1, 1)
    run = walk_forward.walk_forward(found, settings, journal, name, _code_facts(), progress)
    return run.report, {"inputs": run.executions.inputs}


def _quoting(source: DataSource, strategy: StrategyName, market: str, journal: Path) -> tuple[Report, dict[str, int]]:
    from tradewind.market import load_l2
    from tradewind.research import quoting, setups

    venue, separator, symbol = market.partition(":")
    if not separator or not symbol:
        raise typer.BadParameter(f"`{market}` is not VENUE:SYMBOL, such as binance_usdm:BTCUSDT")
    if source.kind == "simulated":
        raise DataRefused(
            "quoting needs recorded depth, and no data folder was found",
            source.chosen_by,
            "name one with --data DIR or TRADEWIND_DATA",
        )
    sample = load_l2(source, venue, symbol)
    parameters = quoting.parameters_for(sample)
    rule = parameters if strategy is StrategyName.QUOTING_RUST else quoting.Quoting(parameters)
    run = quoting.backtest(sample, rule, setups.DepthFills.of(venue), journal, _code_facts())
    return run.report, dict(run.counts)


class SweepName(StrEnum):
    """What can be swept by name."""

    MA_CROSS = "ma-cross"
    PORTFOLIO = "portfolio"


@app.command()
def sweep(
    *,
    what: Annotated[SweepName, typer.Argument(help="Whose parameters to try.")] = SweepName.MA_CROSS,
    data: DataFolder = None,
    symbol: Annotated[str, typer.Option(help="MA cross: the symbol.")] = "BTCUSDT",
    fast: Annotated[str, typer.Option(help="MA cross: fast windows in bars, FROM:TO:STEP or a,b,c.")] = "5:60:5",
    slow: Annotated[str, typer.Option(help="MA cross: slow windows in bars.")] = "20:400:20",
    rank_by: Annotated[
        Literal["sharpe", "total_return"], typer.Option(help="MA cross: what the best pair is best in.")
    ] = "sharpe",
    allocator: Annotated[str, typer.Option(help="Portfolio: allocators, a,b,c.")] = "equilibrium_tilt,risk_parity",
    volatility: Annotated[str, typer.Option(help="Portfolio: annual volatilities, FROM:TO:STEP or a,b,c.")] = "0.2,0.3",
    seed: Annotated[int, typer.Option(help="Seed of the learning, and of a simulated market.", min=0)] = 7,
    jobs: Annotated[int, typer.Option(help="Threads of the screen, or portfolio runs at a time.", min=1)] = 2,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of a sweep that was interrupted: repeat its command with this added.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the record of this sweep.")] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Try many parameters, every trial on record; run the winner in the engine, in-sample and held out.

    \b
    tradewind sweep                                           MA crosses on BTCUSDT
    tradewind sweep --symbol ETHUSDT --fast 5:60:5 --slow 20:400:20 --jobs 2
    tradewind sweep --fast 10,20,50 --slow 100,200 --rank-by total_return --json
    tradewind sweep portfolio --allocator risk_parity,equal_weight --volatility 0.2:0.4:0.1
    tradewind sweep --symbol ETHUSDT --resume runs/20260101-120000/sweep-ma-cross
    """  # noqa: D301 - a real backspace is how the command line marks text that keeps its lines
    from tradewind import analytics
    from tradewind.research import sweep_page, sweeps, walk_forward

    folder = resume or out / time.strftime("%Y%m%d-%H%M%S", time.gmtime()) / f"sweep-{what.value}"
    if resume is not None and not (resume / "sweep.json").is_file():
        raise typer.BadParameter(f"{resume} holds no sweep.json; name the folder of a sweep", param_hint="--resume")
    with _progress(quiet=as_json) as progress:
        if what is SweepName.MA_CROSS:
            crossing = sweeps.CrossSettings(symbol, _windows(fast, "--fast"), _windows(slow, "--slow"), rank_by=rank_by)
            if not crossing.pairs():
                raise typer.BadParameter("no fast window is below a slow one", param_hint="--fast, --slow")
            progress("market", 0, 1)
            market, name = walk_forward.load_market(_source(data), seed)
            progress("market", 1, 1)
            crossed = sweeps.cross_sweep(market, name, crossing, folder, _code_facts(), progress, threads=jobs)
            (folder / "held-out.html").write_text(analytics.html(crossed.held_out.report))
            payload, text = sweep_page.to_json(crossed), sweep_page.terminal(crossed)
        else:
            grid = sweeps.PortfolioSettings(_allocators(allocator), _numbers(volatility, "--volatility"), seed)
            tried = sweeps.portfolio_sweep(_source(data), grid, folder, _code_facts(), progress, jobs=jobs)
            payload, text = sweep_page.portfolio_json(tried), sweep_page.portfolio_terminal(tried)
    _emit(payload, text, as_json=as_json)


def _allocators(text: str) -> tuple[str, ...]:
    from tradewind import portfolio

    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in portfolio.ALLOCATORS:
            raise typer.BadParameter(f"no allocator `{name}`; one of: {', '.join(portfolio.ALLOCATORS)}")
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


def _show(
    report: Report,
    counts: dict[str, int],
    folder: Path,
    journal: Path,
    html: Path | None,
    md: Path | None,
    *,
    as_json: bool,
) -> None:
    from tradewind import analytics

    page = analytics.html(report)
    text = analytics.to_json(report)
    (folder / "report.html").write_text(page)
    (folder / "report.json").write_text(text)
    if html is not None:
        html.write_text(page)
    if md is not None:
        md.write_text(analytics.markdown(report))
    if as_json:
        body = json.loads(text)
        body["counts"] = counts
        body["files"] = {"journal": str(journal), "html": str(html or folder / "report.html")}
        _print(json.dumps(body, indent=2))
        return
    next_commands = (
        f"tradewind replay {journal}",
        f"tradewind journal verify {journal}",
        "tradewind backtest --allocator risk_parity" if "BTC" not in str(journal) else "tradewind doctor",
    )
    palette: Literal["ansi", "plain"] = "ansi" if sys.stdout.isatty() else "plain"
    _print(analytics.terminal(report, next_commands, palette))
    _print(f"\nreport: {html or folder / 'report.html'}")


class _Bars:
    """Progress bars, one per stage, on the terminal's error stream."""

    def __init__(self, *, quiet: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Callable[[str, int, int], None]:
        self._bars.start()
        return self._advance

    def __exit__(self, *_raised: object) -> None:
        self._bars.stop()

    def _advance(self, stage: str, done: int, of: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=of)
        self._bars.update(self._tasks[stage], completed=done, total=of)


def _progress(*, quiet: bool) -> _Bars:
    return _Bars(quiet=quiet)


@data_app.command("list")
def data_list(data: DataFolder = None, as_json: AsJson = False) -> None:
    """List the catalog: every file, what it holds, its span, its clock correction."""
    from tradewind.market import open_catalog
    from tradewind.market.times import utc_text

    source = _source(data)
    catalog = open_catalog(source)
    rows = [
        {
            "name": e.name,
            "kind": e.kind,
            "venues": list(e.venues),
            "symbols": len(e.symbols),
            "rows": e.rows,
            "first": None if e.first_ns is None else utc_text(e.first_ns),
            "last": None if e.last_ns is None else utc_text(e.last_ns),
            "licence": e.licence,
            "clock_correction_ms": None if e.clock_correction_ns is None else e.clock_correction_ns / 1e6,
            "note": e.note,
        }
        for e in catalog.entries
    ]
    lines = [f"{len(rows)} files in {catalog.folder} (chosen by {source.chosen_by})", ""]
    for r in rows:
        correction = f", clock {r['clock_correction_ms']:+.2f} ms" if r["clock_correction_ms"] is not None else ""
        lines.append(
            f"{r['kind']:<9} {r['rows']:>9,} rows {r['symbols']:>4} symbols  "
            f"{r['first'] or '':<20} {r['last'] or '':<20} {r['name']}{correction}"
        )
    _emit(
        {"folder": str(catalog.folder), "chosen_by": source.chosen_by, "files": rows}, "\n".join(lines), as_json=as_json
    )


class Gaps(StrEnum):
    """What a gap means."""

    REFUSE = "refuse"
    SEGMENT = "segment"


@data_app.command("check")
def data_check(
    paths: Annotated[list[Path], typer.Argument(help="Parquet files, or folders of them.")],
    gaps: Annotated[Gaps, typer.Option(help="Refuse a gap, or accept it as the end of a segment.")] = Gaps.REFUSE,
    as_json: AsJson = False,
) -> None:
    """Check Parquet files; refuse (exit 3) what must not be used, saying what is wrong, where, and how to go on."""
    from tradewind.market import check_path

    results = [check_path(path, gaps=gaps.value) for path in paths]
    accepted = [r for result in results for r in result.reports]
    refused = [r for result in results for r in result.refusals]
    skipped = {str(p): why for result in results for p, why in result.skipped.items()}
    payload = {
        "accepted": [
            {
                "path": str(r.path),
                "kind": r.kind,
                "rows": r.rows,
                "symbols": len(r.symbols),
                "gaps": len(r.gaps),
                "outliers": len(r.outliers),
            }
            for r in accepted
        ],
        "refused": [{"what": r.what, "where": r.where, "remedy": r.remedy} for r in refused],
        "skipped": skipped,
    }
    lines = [
        f"ok       {r.path}: {r.kind}, {r.rows:,} rows, {len(r.symbols)} symbols, "
        f"{len(r.gaps)} gaps, {len(r.outliers)} outliers"
        for r in accepted
    ]
    lines += [f"skipped  {path}: {why}" for path, why in skipped.items()]
    _emit(payload, "\n".join(lines), as_json=as_json)
    for refusal in refused:
        _complain("data refused", str(refusal))
    if refused:
        raise typer.Exit(DATA_REFUSED)


@journal_app.command("verify")
def journal_verify(path: Annotated[Path, typer.Argument(help="A journal file.")], as_json: AsJson = False) -> None:
    """Prove every byte of a journal: checksums, hash chain, order. A torn tail is reported, damage refused (exit 3)."""
    from tradewind.research import replays

    facts = replays.verify(path)
    text = "\n".join(f"{key:<14} {value}" for key, value in facts.items())
    _emit(facts, text, as_json=as_json)


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(help="A journal file.")], data: DataFolder = None, as_json: AsJson = False
) -> None:
    """Run a journal again: apply its outcomes, then decide anew on the same data; both must agree (else exit 4)."""
    from tradewind.research import replays

    facts = replays.replay(path, _source(data))
    text = "\n".join(f"{key:<18} {value}" for key, value in facts.items())
    _emit(facts, text, as_json=as_json)
    if not facts["agrees"]:
        raise typer.Exit(RUN_FAILED)


@app.command()
def doctor(data: DataFolder = None, as_json: AsJson = False) -> None:
    """What is installed, found, missing, and how to get it."""
    from tradewind.research import installation

    facts = installation.examine(os.environ, Path.cwd(), data)
    lines = [f"{'ok     ' if item['ok'] else 'MISSING'} {item['name']:<18} {item['found']}" for item in facts["items"]]
    _emit(facts, "\n".join(lines), as_json=as_json)
    if not facts["ok"]:
        raise typer.Exit(RUN_FAILED)


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    _emit({"version": __version__}, __version__, as_json=as_json)


def _complain(title: str, text: str) -> None:
    sys.stderr.write(f"{title}: {text}\n")


def main() -> None:
    """Runs the command line; every expected failure is one screen of plain words and a documented exit code."""
    from tradewind.research.runs import RunFailed

    try:
        app(standalone_mode=True)
    except DataRefused as refusal:
        _complain("data refused", str(refusal))
        sys.exit(DATA_REFUSED)
    except RunFailed as failure:
        _complain("run failed", str(failure))
        sys.exit(RUN_FAILED)
    except OSError as failure:
        _complain(
            "run failed",
            f"{failure}\n  how to go on: check the path, its permissions and the free space, then run again",
        )
        sys.exit(RUN_FAILED)
    except KeyboardInterrupt:
        _complain("interrupted", "nothing was lost; a journal that was being written ends at its last whole block")
        sys.exit(INTERRUPTED)
