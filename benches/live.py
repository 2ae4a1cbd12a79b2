"""What a live node costs, beside ccxt.pro and simdjson on the same frames in one run.

Feeds take turns with their peers and the best stretch of each is compared, so that a busy machine harms both alike.
Tick to order and orders a second are latencies and rates of the whole node over an emulated venue's own bytes: they are
said as they are, with the machine's load, and with what became of every order.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

import core
import environments
import machine
from measurement import BenchFailed

_FAILED = 4
_PEERS = environments.Peer(
    "ccxt.pro 4.5.90, pysimdjson 7.0.2", "3.11", ("pysimdjson==7.0.2", "ccxt==4.5.90", "orjson"), "simdjson"
)
_SCRIPT = Path(__file__).resolve().parent / "peers" / "ccxt_pro.py"
_EXAMPLES = """examples:
  .venv/bin/python benches/live.py             everything; two minutes, the first build not counted
  .venv/bin/python benches/live.py --quick     a small part of each; figures are rough
  .venv/bin/python benches/live.py --json

exit: 0 ok, 2 usage, 4 a figure that cannot be trusted or taken"""


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of frame: what it is called, its unit, the peers beside it."""

    title: str
    unit: str
    peers: tuple[str, ...] = ()


_FEEDS: Mapping[str, Feed] = {
    "binance_usdm_depth": Feed(
        "Binance USD-M depth, 67 levels: read, mapped, applied",
        "frame",
        ("ccxt_binance_usdm_depth", "simdjson_binance_usdm_depth"),
    ),
    "binance_usdm_depth_mapped": Feed("the same, not applied", "frame", ("simdjson_binance_usdm_depth",)),
    "binance_spot_depth": Feed("Binance spot depth, 67 levels: read, mapped, applied", "frame"),
    "bybit_linear_depth": Feed(
        "Bybit depth, 67 levels: read, mapped, applied",
        "frame",
        ("ccxt_bybit_linear_depth", "simdjson_bybit_linear_depth"),
    ),
    "binance_spot_trades": Feed(
        "Binance trades, one a frame", "trade", ("ccxt_binance_spot_trades", "simdjson_binance_spot_trades")
    ),
    "bybit_linear_trades_1": Feed("Bybit trades, one a frame", "trade"),
    "bybit_linear_trades_10": Feed("Bybit trades, ten a frame", "trade"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of frame on one side, best stretch of all turns: per unit, with the evidence it left."""

    name: str
    ns: float
    per_second: float
    rejects: int | None
    fills: int | None
    hash: str
    left: str


def say(text: str) -> None:
    """Progress, on the error stream."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def built(package: str) -> dict[str, Path]:
    """The benches of a package, by name.

    Raises:
        BenchFailed: no cargo, or the build failed.
    """
    cargo = core.tool("cargo")
    if cargo is None:
        raise BenchFailed("cargo is not on PATH nor in ~/.cargo/bin; `make setup` installs it")
    command = [cargo, "bench", "--locked", "--package", package, "--benches", "--no-run"]
    ran = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"],
        cwd=core.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise BenchFailed(f"`{' '.join(command[1:])}` failed:\n{ran.stderr.strip()}")
    made = (json.loads(line) for line in ran.stdout.splitlines())
    found = [m for m in made if m.get("reason") == "compiler-artifact" and m["executable"]]
    return {m["target"]["name"]: Path(m["executable"]) for m in found if m["target"]["kind"] == ["bench"]}


def printed(command: Sequence[str]) -> list[dict[str, object]]:
    """The JSON lines a program prints.

    Raises:
        BenchFailed: it stopped.
    """
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BenchFailed(f"{Path(command[0]).name} stopped: {ran.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def feeds(turns: int, rounds: int) -> tuple[dict[str, Row], str]:
    """Every feed, ours and the peers in turn; and why the peers are not there, if so."""
    benches, python = built("tradewind-venues"), environments.interpreter(_PEERS)
    why = python if isinstance(python, str) else ""
    goes: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-") as folder:
        for turn in range(1, turns + 1):
            say(f"feeds, turn {turn} of {turns}")
            goes += printed([str(benches["binance"]), "--frames", folder])
            goes += printed([str(benches["bybit"]), "--frames", folder])
            if not isinstance(python, str):
                goes += printed([str(python), str(_SCRIPT), folder, str(rounds)])
    rows: dict[str, Row] = {}
    for go in goes:
        row = _row(go)
        before = rows.get(row.name, row)
        if (before.hash, before.left) != (row.hash, row.left):
            raise BenchFailed(f"{row.name}: the same frames came out differently: {before} and {row}")
        rows[row.name] = min(before, row, key=lambda r: r.ns)
    _agree(rows)
    return rows, why


def _row(go: dict[str, object]) -> Row:
    match go:
        case {"name": str(name), "ops": dict(ops), "elapsed_ns": list(elapsed), "hash": str(found)}:
            ns = min(elapsed) / next(iter(ops.values()))
            rejects, fills = go.get("rejects"), go.get("fills")
            return Row(
                name,
                ns,
                1e9 / ns,
                rejects if isinstance(rejects, int) else None,
                fills if isinstance(fills, int) else None,
                found,
                str(go.get("left", "")),
            )
    raise BenchFailed(f"a bench printed a row that is none: {go}")


def _agree(rows: Mapping[str, Row]) -> None:
    """The peers' books and trades end as ours do."""
    for name in ("binance_usdm_depth", "binance_spot_trades"):
        ours, theirs = rows.get(name), rows.get(f"ccxt_{name}")
        if ours and theirs and ours.left != theirs.left:
            raise BenchFailed(f"{name}: ours ended at {ours.left}, ccxt's at {theirs.left}")


def node(*, quick: bool) -> list[dict[str, object]]:
    """Tick to order and orders a second."""
    bench = built("tradewind-node")["node"]
    say("the node: tick to order, orders a second")
    return printed([str(bench), *(["--quick"] if quick else [])])


def feeds_page(rows: Mapping[str, Row], why: str) -> str:
    """For people."""
    out = [f"{'feeds, one core':<56}{'best':>10}{'per second':>13}{'rejects':>9}  hash", "-" * 100]
    for name, feed in _FEEDS.items():
        row = rows[name]
        out.append(f"{feed.title:<56}{row.ns:>7.0f} ns{row.per_second:>13,.0f}{row.rejects or 0:>9}  {row.hash[:10]}")
        for peer in feed.peers:
            if beside := rows.get(peer):
                called = f"  {peer.partition('_')[0]}: ours is {beside.ns / row.ns:.1f} times as fast"
                out.append(f"{called:<56}{beside.ns:>7.0f} ns{beside.per_second:>13,.0f}")
    return "\n".join(out + ([f"not run: {_PEERS.name}: {why}"] if why else []))


def node_page(rows: Sequence[Mapping[str, object]]) -> str:
    """For people."""
    heads = ("p50", "p99", "p99.9", "answered", "waited", "rejects")
    head = f"{'tick to order, open loop':<34}" + "".join(f"{h:>11}" for h in heads) + "  hash"
    out = [head, "-" * 100]
    for row in rows:
        if "rate" in row:
            title = f"{row['level']}, {int(str(row['rate'])):,} frames/s"
            times = [f"{int(str(row[p])) / 1e3:,.1f} us" for p in ("p50_ns", "p99_ns", "p999_ns")]
            out.append(
                f"{title:<34}{times[0]:>11}{times[1]:>11}{times[2]:>11}{row['answered']:>11}{row['unanswered']:>11}"
                f"{row['rejects']:>11}  {str(row['hash'])[:10]}"
            )
    heads = ("per second", "orders", "accepted", "over", "lost", "rejects", "fills")
    out += ["", f"{'orders, every one followed':<34}" + "".join(f"{h:>11}" for h in heads) + "  hash", "-" * 100]
    for row in rows:
        if "orders" in row:
            out.append(
                f"{str(row['name']).replace('_', ' '):<34}{int(str(row['per_second'])):>11,}{row['orders']:>11}"
                f"{row['accepted']:>11}{row['over']:>11}{row['lost']:>11}{row['rejects']:>11}{row['fills']:>11}"
                f"  {str(row['hash'])[:10]}"
            )
    return "\n".join(out)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="benches/live.py",
        description="Measure feeds and the node.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a small part of each row, one turn")
    parser.add_argument("--json", action="store_true", help="plain data instead of tables")
    options = parser.parse_args()
    try:
        facts, watch = machine.facts(), machine.Watch.start()
        rows, why = feeds(1 if options.quick else 3, 1)
        nodes = node(quick=options.quick)
        measured = watch.read()
    except BenchFailed as failure:
        say(f"failed: {failure}")
        return _FAILED
    if options.json:
        plain = {
            "machine": facts,
            "measuring": measured,
            "feeds": [asdict(row) for row in rows.values()],
            "node": nodes,
        }
        print(json.dumps({**plain, "not_run": why}, indent=2))
        return 0
    load = f"load {facts['load_1m']} before, {measured['others_cores']} cores busy for others meanwhile"
    print(f"{facts['processor']}, {facts['cores']} cores; {load}\n\n{feeds_page(rows, why)}\n\n{node_page(nodes)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
