"""Executions → Report: what a run made, what it risked, what trading cost, and how far to believe it.

The definitions are METRICS.md's, each a documented function listed once in `definitions`; a figure that has no value is
`Undefined` with a reason, never NaN. `report` measures; `terminal`, `to_json`, `html` and `markdown` show one Report.
"""

from tradewind.analytics.benchmarks import buy_and_hold, equal_weight
from tradewind.analytics.definitions import DEF_VERSION, DEFINITIONS
from tradewind.analytics.html_page import html
from tradewind.analytics.json_page import to_json
from tradewind.analytics.markdown_page import markdown
from tradewind.analytics.tear_sheet import Conventions, report
from tradewind.analytics.terminal_page import terminal

__all__ = [
    "DEFINITIONS",
    "DEF_VERSION",
    "Conventions",
    "buy_and_hold",
    "equal_weight",
    "html",
    "markdown",
    "report",
    "terminal",
    "to_json",
]
