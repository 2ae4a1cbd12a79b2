"""`tradewind …`: one command line of all the groups of commands.

Every command takes `--json`: one JSON object on the standard output and nothing else there. Exit codes are those of
`tradewind.commands.console`. What went wrong is told on the error stream, in one screen.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from tradewind.commands import (
    backtest,
    data,
    emulate,
    installation,
    journal,
    keys,
    kill,
    node,
    parity,
    record,
    study,
    sweep,
)
from tradewind.commands.console import (
    DATA_REFUSED,
    INTERRUPTED,
    OK,
    RUN_FAILED,
    USAGE,
    AsJson,
    complain,
    emit,
    examples,
    refusal_json,
    write,
)
from tradewind.commands.surroundings import DataFolder, data_source
from tradewind.flow import DataRefused

__all__ = ["DATA_REFUSED", "RUN_FAILED", "USAGE", "app", "main"]

app = typer.Typer(
    name="tradewind",
    help="Quantitative trading for crypto: one deterministic engine for research, backtest, paper and live.",
    epilog=examples("backtest", "backtest quoting-rust --market binance_spot:BTCUSDT", "data check FOLDER", "doctor"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(epilog=backtest.EXAMPLES)(backtest.backtest)
app.command(epilog=emulate.EXAMPLES)(emulate.emulate)
app.command(epilog=node.PAPER_EXAMPLES)(node.paper)
app.command(epilog=node.LIVE_EXAMPLES)(node.live)
app.command(epilog=parity.EXAMPLES)(parity.parity)
app.command(epilog=kill.EXAMPLES)(kill.kill)
app.command(epilog=record.EXAMPLES)(record.record)
app.add_typer(keys.app, name="keys")
app.add_typer(sweep.app, name="sweep")
app.add_typer(data.app, name="data")
app.add_typer(journal.app, name="journal")
app.add_typer(study.app, name="study")


@app.command(
    epilog=examples(
        "replay runs/20250101-120000-portfolio/run.journal", "replay run.journal --data FOLDER", "replay state"
    )
)
def replay(
    path: Annotated[Path, typer.Argument(help="A journal, file or folder, or a node's folder.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run a journal again: apply its outcomes, then decide anew on the same data; both must agree (else exit 4)."""
    from tradewind.research import replays

    facts = replays.replay(path, data_source(data))
    verdict = _replay_verdict(facts)
    text = "\n".join(f"{key:<18} {value}" for key, value in facts.items())
    emit({**facts, "verdict": verdict}, f"{text}\n{verdict}", as_json=as_json)
    if not facts["agrees"]:
        complain("run failed", f"{verdict}\n  how to go on: replay with the version that wrote the journal")
        raise typer.Exit(RUN_FAILED)


def _replay_verdict(facts: Mapping[str, Any]) -> str:
    if not facts["agrees"]:
        return "applying the journal and deciding anew do not agree"
    if facts["finished"]:
        return "applied and decided anew, the journal gives the state that the run recorded"
    return "the run was never finished; up to where the journal ends, applied and decided anew agree"


app.command(epilog=installation.DOCTOR_EXAMPLES)(installation.doctor)
app.command(epilog=installation.VERSION_EXAMPLES)(installation.version)


def _fail(code: int, title: str, error: Exception) -> int:
    """Tells a failure: words on the error stream, and with --json an object on the standard output."""
    complain(title, str(error))
    if "--json" in sys.argv[1:]:
        said = refusal_json(error) if isinstance(error, DataRefused) else {"what": str(error)}
        write(json.dumps({"error": {"kind": title, **said}, "exit_code": code}, indent=2))
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


def _interrupt_until_heard(_signal: int, _frame: object) -> NoReturn:
    """Interrupts, and again if that was lost: an import in C may swallow the exception and go on."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _interrupt_until_heard)
        signal.setitimer(signal.ITIMER_REAL, 2.0)
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Runs the command line; every expected failure is one screen of plain words and a documented exit code."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt_until_heard)
    try:
        code = _run()
    except KeyboardInterrupt:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        code = INTERRUPTED
    if code == INTERRUPTED:
        complain("interrupted", "stopped; what was not finished was not reported")
        sys.stdout.flush()
        # Threads may still be fitting a model: nobody waits for them.
        os._exit(INTERRUPTED)
    sys.exit(code)
