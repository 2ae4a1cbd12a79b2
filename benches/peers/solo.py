"""One workload on this engine in a process of its own: `python solo.py FOLDER WORK`; prints one JSON line."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import polars as pl

import ours
from strategies import OrderPerQuote


def main() -> None:
    folder, work = Path(sys.argv[1]), sys.argv[2]
    market = ours.recording(work, folder)
    with tempfile.TemporaryDirectory(prefix="tradewind-peers-") as name:
        ran = ours.run(work, market, Path(name) / "run.journal")
    latencies = ran.strategy.submit_to_fill_ns if isinstance(ran.strategy, OrderPerQuote) else []
    counts = ran.engine.counts()
    rejected = pl.DataFrame(ran.engine.orders()).filter(pl.col("state") == "rejected").height
    print(
        json.dumps(
            {
                "cpu_s": ran.cpu_s,
                "orders": counts["orders"],
                "fills": counts["fills"],
                "rejects": counts["refusals"] + rejected,
                "balance": str(Decimal(ran.engine.balance(0, 0)).scaleb(-8)),
                "state_hash": ran.state_hash,
                "submit_to_fill_us": statistics.median(latencies) / 1e3 if latencies else None,
                "peak_mb": ran.peak_mb,
            }
        )
    )


if __name__ == "__main__":
    main()
