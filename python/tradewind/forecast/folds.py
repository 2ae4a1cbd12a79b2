"""Walk-forward folds that cannot leak: what is learned from was over before what is predicted began.

López de Prado, Advances in Financial Machine Learning (2018), ch. 7: a label spans `horizon_bars`, so a training row is
purged when its label ends after `train_end_ns`; an embargo of `embargo_bars` keeps serial correlation out of the test.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from tradewind.flow import DataRefused, Fold

Mode = Literal["expanding", "rolling"]


def purged_walk_forward(
    timestamps: npt.NDArray[np.int64],
    *,
    train_bars: int,
    test_bars: int,
    horizon_bars: int,
    embargo_bars: int,
    mode: Mode,
    first_test_ns: int | None = None,
) -> tuple[Fold, ...]:
    """Folds over `timestamps` (strictly increasing bar closes, ns).

    Fold k is used at instants in (test_start_ns, test_end_ns], `test_bars` of them (the last fold may have fewer), and
    trained on instants whose label, `horizon_bars` instants later, is known at train_end_ns = test_start_ns less
    `embargo_bars` instants. `expanding` trains from the first instant, `rolling` on the last `train_bars` of them.
    `first_test_ns`: earliest first test instant; without it, the first that leaves `train_bars` to train on.
    Fold.train_rows counts training instants. Boundaries depend on the past alone: more data adds folds, moves none.
    Raises DataRefused when the history is too short, ValueError on parameters that make no sense.
    """
    if min(train_bars, test_bars, horizon_bars) < 1 or embargo_bars < 0:
        found = f"{train_bars=}, {test_bars=}, {horizon_bars=}, {embargo_bars=}"
        raise ValueError(f"bars must be positive (embargo_bars may be 0), found {found}")
    if np.any(np.diff(timestamps) <= 0):
        raise ValueError("timestamps must be strictly increasing")
    gap = horizon_bars + embargo_bars
    earliest = train_bars + gap - 1
    start = earliest if first_test_ns is None else int(np.searchsorted(timestamps, first_test_ns)) - 1
    if start < earliest or start + 1 >= len(timestamps):
        raise DataRefused(
            f"{len(timestamps)} bar closes leave {max(0, start - gap + 1)} to train on before the first test and "
            f"{max(0, len(timestamps) - start - 1)} to test on; {train_bars} and at least 1 are needed, beside "
            f"{horizon_bars} of label and {embargo_bars} of embargo",
            _span(timestamps, first_test_ns),
            "use a longer period, a later first test, or fewer train_bars",
        )
    folds = []
    for number, first in enumerate(range(start, len(timestamps) - 1, test_bars)):
        last_trained = first - gap
        first_trained = 0 if mode == "expanding" else last_trained - train_bars + 1
        train_end = int(timestamps[first - embargo_bars])
        folds.append(
            Fold(
                number=number,
                train_start_ns=int(timestamps[first_trained]),
                train_end_ns=train_end,
                test_start_ns=int(timestamps[first]),
                test_end_ns=int(timestamps[min(first + test_bars, len(timestamps) - 1)]),
                embargo_ns=int(timestamps[first]) - train_end,
                train_rows=last_trained - first_trained + 1,
            )
        )
    return tuple(folds)


def _span(timestamps: npt.NDArray[np.int64], first_test_ns: int | None) -> str:
    if len(timestamps) == 0:
        return "no bar closes at all"
    ends = np.array([timestamps[0], timestamps[-1]], dtype="datetime64[ns]")
    wanted = "" if first_test_ns is None else f", first test {np.datetime64(first_test_ns, 'ns')}"
    return f"bar closes {ends[0]} to {ends[1]}{wanted}"
