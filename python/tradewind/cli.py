"""`tradewind …`: the one place that reads the clock, the environment and the command line.

Every command takes `--json`: one JSON object on the standard output and nothing else there. Exit codes: 0 ok · 2 usage
· 3 data refused · 4 run failed · 130 interrupted. What went wrong is told on the error stream, in one screen.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tradewind import __version__, journal_commands
from tradewind.flow import DataRefused

if TYPE_CHECKING:
    from tradewind.flow import Report
    from tradewind.market import CheckReport, DataSource
    from tradewind.research.runs import CodeFacts
    from tradewind.research.walk_forward import SimulatedSize
    from tradewind.strategy import Strategy

OK, USAGE, DATA_REFUSED, RUN_FAILED, INTERRUPTED = 0, 2, 3, 4, 130

PORTFOLIO, QUOTING_RUST, QUOTING_PYTHON = "portfolio", "quoting-rust", "quoting-python"
STRATEGIES = (PORTFOLIO, QUOTING_RUST, QUOTING_PYTHON)


def _examples(*commands: str) -> str:
    """Examples as the end of a command's help, lines kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  tradewind {command}" for command in commands)


app = typer.Typer(
    name="tradewind",
    help="Quantitative trading for crypto: one deterministic engine for research, backtest, paper and live.",
    epilog=_examples("backtest", "backtest quoting-rust --market binance_spot:BTCUSDT", "data check FOLDER", "doctor"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(
    help="What data there is, and whether it may be used.",
    epilog=_examples("data list", "data check FOLDER"),
    no_args_is_help=True,
)
journal_app = typer.Typer(
    help="Journals: the log of a run.", epilog=_examples("journal verify runs/…/run.journal"), no_args_is_help=True
)
study_app = typer.Typer(
    help="How far the models inside are from what was recorded.",
    epilog=_examples("study queues", "study queues --json"),
    no_args_is_help=True,
)
app.add_typer(data_app, name="data")
app.add_typer(journal_app, name="journal")
app.add_typer(study_app, name="study")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Data folder; else TRADEWIND_DATA, ../shared/data, the user's catalog, a simulated market."
    ),
]


def _print(text: str) -> None:
    """To the standard output. A reader that left (`tradewind … | head`) is no failure: the command goes on, unheard."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _emit(payload: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    _print(json.dumps(payload, indent=2, default=str) if as_json else text)


def _code_facts(created_ns: int) -> CodeFacts:
    from tradewind.research.runs import CodeFacts

    return CodeFacts(version=__version__, created_ns=created_ns)


def _source(data: Path | None) -> DataSource:
    from tradewind.market import locate

    return locate(data, os.environ, Path.cwd())


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


@app.command(
    epilog=_examples(
        "backtest                                        the multi-asset portfolio, walk-forward",
        "backtest --allocator risk_parity --volatility 0.2 --html report.html",
        "backtest --simulated 12x16                      the same on a simulated market of 12 coins, 16 months",
        "backtest quoting-rust --market binance_spot:BTCUSDT",
        "backtest examples/patient_maker.py:PatientMaker --market binance_usdm:ETHUSDT --json",
    )
)
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
    simulated: Annotated[
        str | None,
        typer.Option(metavar="COINSxMONTHS", help="Portfolio: a simulated market of this size, even if there is data."),
    ] = None,
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
    run = _chosen_run(strategy, allocator, volatility, seed, market, _size(simulated))
    source = _simulated_source() if simulated else _source(data)
    created_ns = time.time_ns()
    place = _new_place(out, strategy, created_ns, html, md)
    facts = _code_facts(created_ns)
    try:
        with _progress(quiet=as_json) as progress:
            report, counts = run(source, place.journal, facts, progress)
        _write_files(report, place)
    except KeyboardInterrupt:
        if place.journal.exists():
            _complain("interrupted", f"the journal up to its last whole block is in {place.journal}")
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


def _size(text: str | None) -> SimulatedSize:
    from tradewind.research.walk_forward import SimulatedSize

    if text is None:
        return SimulatedSize()
    coins, _, months = text.partition("x")
    if not coins.isdecimal() or not months.isdecimal() or not int(coins) or not int(months):
        raise typer.BadParameter(f"`{text}` is not COINSxMONTHS, such as 12x16", param_hint="--simulated")
    return SimulatedSize(int(coins), int(months))


def _simulated_source() -> DataSource:
    from tradewind.market import DataSource

    return DataSource("simulated", None, "--simulated")


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


def _new_place(out: Path, strategy: str, created_ns: int, html: Path | None, md: Path | None) -> _Place:
    """A folder for the run. What cannot be written is said now, not when the run is over."""
    from tradewind.research.failures import RunFailed
    from tradewind.research.runs import new_folder

    for path in (p for p in (html, md) if p is not None):
        if path.is_dir() or not path.absolute().parent.is_dir() or not os.access(path.absolute().parent, os.W_OK):
            raise RunFailed(f"{path} cannot be written\n  how to go on: name a file in a folder that is there")
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created_ns // 10**9))
    label = strategy if strategy in STRATEGIES else strategy.rpartition(":")[2]
    return _Place(new_folder(out, f"{stamp}-{label}"), html, md)


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
        _print(json.dumps(body, indent=2))
        return
    palette: Literal["ansi", "plain"] = "ansi" if sys.stdout.isatty() else "plain"
    _print(analytics.terminal(report, next_commands, palette))
    _print(f"\nreport: {place.report}")


class _Bars:
    """Progress bars, one per stage, on the error stream where that is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
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


@data_app.command("list", epilog=_examples("data list", "data list --data FOLDER --json"))
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
        correction = f", clock {r['clock_correction_ms']:+.2f} ms" if r["clock_correction_ms"] else ""
        note = f": NOT USABLE, {r['note']}" if r["note"] else ""
        lines.append(
            f"{r['kind']:<9} {r['rows']:>9,} rows {r['symbols']:>4} symbols  "
            f"{r['first'] or '':<20} {r['last'] or '':<20} {r['name']}{correction}{note}"
        )
    _emit(
        {"folder": str(catalog.folder), "chosen_by": source.chosen_by, "files": rows}, "\n".join(lines), as_json=as_json
    )


class Gaps(StrEnum):
    """What a gap means."""

    REFUSE = "refuse"
    SEGMENT = "segment"


@data_app.command("check", epilog=_examples("data check bars.parquet", "data check FOLDER --gaps segment --json"))
def data_check(
    paths: Annotated[list[Path], typer.Argument(help="Parquet files, or folders of them.")],
    gaps: Annotated[Gaps, typer.Option(help="Refuse a gap, or accept it as the end of a segment.")] = Gaps.REFUSE,
    as_json: AsJson = False,
) -> None:
    """Check Parquet files; refuse (exit 3) what must not be used, saying what is wrong, where, and how to go on."""
    from tradewind.market import check_path

    accepted: list[CheckReport] = []
    refused: list[DataRefused] = []
    skipped: dict[str, str] = {}
    for path in paths:
        try:
            result = check_path(path, gaps=gaps.value)
        except DataRefused as missing:
            refused.append(missing)
            continue
        accepted += result.reports
        refused += result.refusals
        skipped |= {str(p): why for p, why in result.skipped.items()}
    payload = {
        "accepted": [
            {
                "path": str(r.path),
                "kind": r.kind,
                "rows": r.rows,
                "symbols": len(r.symbols),
                "gaps": len(r.gaps),
                "outliers": len(r.outliers),
                "notes": list(r.notes),
            }
            for r in accepted
        ],
        "refused": [_refusal_json(r) for r in refused],
        "skipped": skipped,
    }
    lines = [
        f"ok       {r.path}: {r.kind}, {r.rows:,} rows, {len(r.symbols)} symbols, "
        f"{len(r.gaps)} gaps, {len(r.outliers)} outliers"
        for r in accepted
    ]
    lines += [f"skipped  {path}: {why}" for path, why in skipped.items()]
    lines.append(f"{len(accepted)} accepted, {len(skipped)} skipped, {len(refused)} refused")
    _emit(payload, "\n".join(lines), as_json=as_json)
    for refusal in refused:
        _complain("data refused", str(refusal))
    if refused:
        raise typer.Exit(DATA_REFUSED)


journal_commands.add_to(journal_app, _print)


@app.command(
    epilog=_examples("replay runs/20250101-120000-portfolio/run.journal", "replay run.journal --data FOLDER --json")
)
def replay(
    path: Annotated[Path, typer.Argument(help="A journal file or folder.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run a journal again: apply its outcomes, then decide anew on the same data; both must agree (else exit 4)."""
    from tradewind.research import replays

    facts = replays.replay(path, _source(data))
    verdict = _replay_verdict(facts)
    text = "\n".join(f"{key:<18} {value}" for key, value in facts.items())
    _emit({**facts, "verdict": verdict}, f"{text}\n{verdict}", as_json=as_json)
    if not facts["agrees"]:
        _complain("run failed", f"{verdict}\n  how to go on: replay with the version that wrote the journal")
        raise typer.Exit(RUN_FAILED)


def _replay_verdict(facts: Mapping[str, Any]) -> str:
    if not facts["agrees"]:
        return "applying the journal and deciding anew do not agree"
    if facts["finished"]:
        return "applied and decided anew, the journal gives the state that the run recorded"
    return "the run was never finished; up to where the journal ends, applied and decided anew agree"


@study_app.command("queues", epilog=_examples("study queues", "study queues --json"))
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
    study = queue_study.score_queue_models(load_l3(_source(data), venue, symbol), queue_study.Settings())
    facts = {"executions": study.executions, "out_of_turn": study.out_of_turn}
    _emit({**facts, "scores": study.scores.fill_nan(None).to_dicts()}, queue_study.to_markdown(study), as_json=as_json)


@app.command(epilog=_examples("doctor", "doctor --data FOLDER", "doctor --json"))
def doctor(data: DataFolder = None, as_json: AsJson = False) -> None:
    """What is installed, found, missing, and how to get it."""
    from tradewind.research import installation

    facts = installation.examine(os.environ, Path.cwd(), data)
    lines = [f"{'ok     ' if item['ok'] else 'MISSING'} {item['name']:<18} {item['found']}" for item in facts["items"]]
    _emit(facts, "\n".join(lines), as_json=as_json)
    if not facts["ok"]:
        raise typer.Exit(RUN_FAILED)


@app.command(epilog=_examples("version", "version --json"))
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    _emit({"version": __version__}, __version__, as_json=as_json)


def _complain(title: str, text: str) -> None:
    sys.stderr.write(f"{title}: {text}\n")
    sys.stderr.flush()


def _refusal_json(refusal: DataRefused) -> dict[str, str]:
    return {"what": refusal.what, "where": refusal.where, "remedy": refusal.remedy}


def _fail(code: int, title: str, error: Exception) -> int:
    """Tells a failure: words on the error stream, and with --json an object on the standard output."""
    _complain(title, str(error))
    if "--json" in sys.argv[1:]:
        said = _refusal_json(error) if isinstance(error, DataRefused) else {"what": str(error)}
        _print(json.dumps({"error": {"kind": title, **said}, "exit_code": code}, indent=2))
    return code


def _run() -> int:
    from tradewind.research.failures import RunFailed

    try:
        app(standalone_mode=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else OK
    except DataRefused as refusal:
        return _fail(DATA_REFUSED, "data refused", refusal)
    except RunFailed as failure:
        return _fail(RUN_FAILED, "run failed", failure)
    except OSError as failure:
        how = "check the path, its permissions and the free space, then run again"
        return _fail(RUN_FAILED, "run failed", RunFailed(f"{failure}\n  how to go on: {how}"))
    except ImportError as failure:
        how = "make setup, or pip install 'tradewind[research]'; tradewind doctor lists what is missing"
        return _fail(RUN_FAILED, "run failed", RunFailed(f"{failure}\n  how to go on: {how}"))
    return OK


def main() -> NoReturn:
    """Runs the command line; every expected failure is one screen of plain words and a documented exit code."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        _complain("interrupted", "stopped; what was not finished was not reported")
        sys.stdout.flush()
        # Threads may still be fitting a model: nobody waits for them.
        os._exit(INTERRUPTED)
    sys.exit(code)
