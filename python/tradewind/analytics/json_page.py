"""The report as JSON, for programs: METRICS.md ids, null where undefined with the reason beside it, in stable order."""

from __future__ import annotations

import json
import math
from typing import Any

import polars as pl

from tradewind.flow import Report, Undefined

TABLES = {"benchmarks": "compared", "symbols": "symbols", "monthly": "monthly", "crises": "crises", "folds": "folds"}


def to_json(report: Report) -> str:
    """One JSON object. The same report gives the same bytes; no NaN or infinity is ever written."""
    run = report.run
    body: dict[str, Any] = {
        "run_id": run.run_id,
        "data_hash": run.data_hash,
        "state_hash": report.state_hash,
        "n_trials": run.n_trials,
        "provenance": run.provenance,
        "def_version": report.def_version,
        "start_ns": run.start_ns,
        "end_ns": run.end_ns,
        "metrics": {id: None if isinstance(v, Undefined) else v for id, v in report.metrics.items()},
        "undefined": {id: v.reason for id, v in report.metrics.items() if isinstance(v, Undefined)},
        "warnings": list(run.warnings),
        "holes": [
            {"symbol": h.symbol, "from_ns": h.from_ns, "to_ns": h.to_ns, "missing_bars": h.missing_bars}
            for h in run.holes
        ],
        "refused": [
            {
                "ts_ns": r.ts_ns,
                "stage": r.stage,
                "reason": r.reason,
                "asked": r.asked,
                "found": r.found,
                "limit": r.limit,
            }
            for r in run.refused
        ],
    }
    body.update({name: _rows(report.tables[table]) for name, table in TABLES.items() if table in report.tables})
    return json.dumps(_finite(body), allow_nan=False, ensure_ascii=False, indent=2)


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dicts()


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value with what JSON cannot say (NaN, infinity) as null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
