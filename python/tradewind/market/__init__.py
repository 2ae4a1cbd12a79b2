"""Journal and vendor files → Market: what there is, whether it may be used, and what was tradable when."""

from tradewind.market.bars import load_hourly
from tradewind.market.catalog import (
    Catalog,
    ClockCorrection,
    DataSource,
    Entry,
    locate,
    measure_clock_correction_ns,
    open_catalog,
)
from tradewind.market.check import CheckReport, GapPolicy, Outlier, PathCheck, check_file, check_path
from tradewind.market.l2 import L2Sample, load_l2
from tradewind.market.l3 import L3Sample, load_l3
from tradewind.market.simulated import simulate
from tradewind.market.universe import UniverseSettings

__all__ = [
    "Catalog",
    "CheckReport",
    "ClockCorrection",
    "DataSource",
    "Entry",
    "GapPolicy",
    "L2Sample",
    "L3Sample",
    "Outlier",
    "PathCheck",
    "UniverseSettings",
    "check_file",
    "check_path",
    "load_hourly",
    "load_l2",
    "load_l3",
    "locate",
    "measure_clock_correction_ns",
    "open_catalog",
    "simulate",
]
