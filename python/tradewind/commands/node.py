"""`tradewind paper` and `tradewind live`: a node that trades, on simulated fills or at the venues.

Before it starts it says what it may do and asks the venues whether it can. It ends in good order on an interrupt or a
termination signal: what lives is cancelled and the venues confirm it; the second signal ends it at once. Its log goes
to the error stream.
"""

from __future__ import annotations

import inspect
import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from tradewind import __version__
from tradewind.commands.console import (
    DISK_FULL,
    INTERRUPTED,
    KEYS_REFUSED,
    OK,
    PORT_TAKEN,
    RUN_FAILED,
    USAGE,
    VENUE_DOWN,
    complain,
    examples,
    write,
)
from tradewind.commands.surroundings import Config, TimeBudget, asked, config_text, environment, keys_password
from tradewind.strategy import Intent, Strategy, View, Wake, Wakes

PAPER_EXAMPLES = examples("paper --config node.toml", "paper -c node.toml --log-json 2> node.log")
LIVE_EXAMPLES = examples("live --config node.toml --live", "live -c node.toml --live --yes --log-json")

LogJson = Annotated[bool, typer.Option("--log-json", help="The log as one JSON object per line.")]
AsJson = Annotated[bool, typer.Option("--json", help="How it ended, as one JSON object on the standard output.")]

Mode = Literal["paper", "live"]
_CODES = {
    "config": USAGE,
    "keys": KEYS_REFUSED,
    "password": KEYS_REFUSED,
    "venue": VENUE_DOWN,
    "port": PORT_TAKEN,
    "disk": DISK_FULL,
    "journal": RUN_FAILED,
}
_NEXT = {
    "config": "mend it there and run this again",
    "keys": "mend the keys at the venue or where they are kept; tradewind keys list FILE shows what a file has",
    "password": "set it, or start this from a terminal",
    "venue": "check the network and the venue's status page, or [venue.endpoints]; nothing was sent but questions",
    "port": "stop what listens there, or set another node.metrics",
    "disk": "make room on the disk of node.folder, or raise node.disk_budget_mb",
    "journal": "stop the other node of this folder if there is one; tradewind journal verify FOLDER/journal proves it",
}


def paper(config: Config, log_json: LogJson = False, as_json: AsJson = False) -> None:
    """Trade on live market data with simulated fills; no order leaves this machine and no key is needed."""
    _start("paper", config, log_json=log_json, as_json=as_json)


def live(
    config: Config,
    is_live: Annotated[bool, typer.Option("--live", help="Needed: orders go to the venues.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to start.")] = False,
    log_json: LogJson = False,
    as_json: AsJson = False,
) -> None:
    """Trade at the venues. Says what it may do and asks before it starts."""
    if not is_live:
        complain("usage", "live sends orders to the venues; say so with --live, or use tradewind paper")
        raise typer.Exit(USAGE)
    _start("live", config, log_json=log_json, as_json=as_json, confirm=not yes)


def _start(mode: Mode, path: Path, *, log_json: bool, as_json: bool, confirm: bool = False) -> None:
    from tradewind import _native

    text = config_text(path)
    try:
        plan = json.loads(_native.node_plan(text, mode))
        classes = _classes(plan["books"], path.resolve().parent)
        in_file = mode == "live" and any(venue["keys_in_file"] for venue in plan["venues"])
        password = keys_password("the keys" if in_file else None)
        _tell(mode, plan)
        facts = json.loads(_native.node_preflight(text, mode, environment(), password))
        _judge(facts)
        if confirm and not asked("Start trading?"):
            complain("not started", "nobody said yes; --yes starts without asking")
            raise typer.Exit(USAGE)
        # The loop hears these itself; Python would end it in the middle of something.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _signal, _frame: None)
        seat = _Seats(plan["books"], classes)
        ended, fault = _native.node_run(text, mode, environment(), password, seat, log_json, __version__)
    except _native.NodeRefused as refusal:
        kind, why = refusal.args
        _refuse(kind, why)
    code = OK if ended != "at once" else INTERRUPTED
    if fault is not None:
        code = DISK_FULL if "space" in fault else RUN_FAILED
    if as_json:
        write(json.dumps({"ended": ended, "fault": fault, "exit_code": code}))
    if fault is not None:
        complain("stopped", f"{fault}\n  how to go on: {_NEXT['disk' if code == DISK_FULL else 'journal']}")
    if code != OK:
        raise typer.Exit(code)


def _refuse(kind: str, why: str) -> None:
    complain("not started", f"{why}\n  how to go on: {_NEXT[kind]}")
    raise typer.Exit(_CODES[kind])


def _tell(mode: Mode, plan: Mapping[str, Any]) -> None:
    """What the node may do, in one screen on the error stream."""
    rows = [f"{mode}: node {plan['node']['id']}, kept in {plan['node']['folder']}"]
    for venue in plan["venues"]:
        names = ", ".join(f"{market} {' '.join(symbols)}" for market, symbols in venue["instruments"].items())
        extra = f", starts with {_held(venue['balances'])}" if mode == "paper" else ""
        extra += f", leverage {venue['leverage']}" if venue["leverage"] else ""
        rows.append(f"  {venue['venue']} ({venue['endpoint']}): {names}{extra}")
    for limit in plan["limits"]:
        figures = {k: v for k, v in limit.items() if v is not None and k not in ("scope", "instrument")}
        said = ", ".join(f"{name} {value}" for name, value in figures.items())
        rows.append(f"  limit {limit['scope']} {limit['instrument'] or 'each instrument'}: {said or 'none'}")
    if not plan["limits"]:
        rows.append("  limits: none; write [[limit]] to bound what may be lost")
    for book in plan["books"]:
        python = f", {book['python']['strategy']}" if book["python"] else ""
        rows.append(f"  book {book['name']}: {book['algos']} algos{python}")
    complain("may do", "\n".join(rows))


def _held(balances: Mapping[str, str] | None) -> str:
    return " ".join(f"{amount} {asset}" for asset, amount in (balances or {}).items())


def _judge(facts: Sequence[Mapping[str, Any]]) -> None:
    """Refuses what cannot start. A venue that is down is waited for, as long as another one is there to trade on."""
    for kind in ("config", "keys"):
        if why := [fact["text"] for fact in facts if not fact["ok"] and fact["kind"] == kind]:
            _refuse(kind, "\n".join(why))
    down = [fact["text"] for fact in facts if not fact["ok"]]
    if len(down) == len(facts):
        _refuse("venue", "\n".join(down))
    for why in down:
        complain("waiting for", why)
    for fact in facts:
        if fact["ok"]:
            rights = ", the key may trade, not withdraw" if fact["rights"] else ""
            said = f"{fact['listed']} instruments, its clock {fact['clock_offset_us'] / 1000:+.1f} ms from ours{rights}"
            complain("answers", f"{fact['venue']}: {said}")


def _classes(books: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, type]:
    """The class of each book that has one; paths are relative to the configuration. Fails before anything starts."""
    from tradewind.research import strategies

    found = {}
    for book in books:
        if book["python"]:
            reference = book["python"]["strategy"]
            file, _, name = reference.rpartition(":")
            try:
                found[book["name"]] = strategies.find(f"{folder / file}:{name}")
            except strategies.NoSuchStrategy as missing:
                _refuse("config", f"book {book['name']}: {missing}")
    return found


class _Seats:
    """Makes a book's strategy when the node knows what there is to trade."""

    def __init__(self, books: Sequence[Mapping[str, Any]], classes: Mapping[str, type]) -> None:
        self._asked = {book["name"]: book["python"] for book in books}
        self._classes = classes

    def __call__(self, book: str, instruments: str) -> Strategy | None:
        from tradewind.research import strategies

        if book not in self._classes:
            return None
        kind, said = self._classes[book], self._asked[book]
        arguments = dict(said["arguments"])
        if "instruments" in inspect.signature(kind).parameters:
            arguments["instruments"] = json.loads(instruments)
        strategy = strategies.make(kind, said["strategy"], arguments)
        return cast(Strategy, _Budgeted(strategy, TimeBudget(said["time_budget_ms"])))


class _Budgeted:
    """A strategy that is fenced off when it takes too long."""

    def __init__(self, strategy: Strategy, budget: TimeBudget) -> None:
        self._strategy = strategy
        self._budget = budget
        self.name = strategy.name
        self.parameters = strategy.parameters

    def wakes(self) -> Wakes:
        return self._strategy.wakes()

    def on_wake(self, wake: Wake, view: View) -> Sequence[Intent]:
        with self._budget:
            return self._strategy.on_wake(wake, view)
