"""Forecasters against closed forms, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tradewind.forecast import Average, LightGbm, Ridge


def test_ridge_is_its_closed_form() -> None:
    """Weights = (Z'Z + penalty n I)^-1 Z'(y - mean y) on standardised Z; Hoerl & Kennard (1970), eq. 2.1."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6)) * 100 + 7
    y = x @ rng.normal(size=6) + rng.normal(size=400)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    for penalty in (1e-6, 0.1, 3.0):
        weights = np.linalg.solve(z.T @ z + penalty * 400 * np.eye(6), z.T @ (y - y.mean()))
        fitted = Ridge(penalty=penalty, clip=1e9).fit(x, y, seed=0)
        np.testing.assert_allclose(fitted.weights, weights, rtol=1e-8)
        np.testing.assert_allclose(fitted.predict(x), z @ weights + y.mean(), rtol=1e-8)


def test_ridge_takes_the_mean_for_what_is_missing_and_holds_outliers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    y = x[:, 0] + rng.normal(size=400)
    fitted = Ridge(clip=3.0).fit(x, y, seed=0)
    mean, edge = x.mean(axis=0), x.mean(axis=0) + 3 * x.std(axis=0)
    missing, far = fitted.predict(np.array([[np.nan, np.nan], [1e9, 1e9]]))
    at_mean, at_edge = fitted.predict(np.array([mean, edge]))
    assert missing == pytest.approx(at_mean)
    assert far == pytest.approx(at_edge)


def test_an_average_gives_each_member_the_same_say() -> None:
    """A member that shrinks a hundredfold more still counts half."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 3))
    y = x[:, 0] + rng.normal(size=2000)
    bold, timid = Ridge(penalty=1e-6), Ridge(penalty=100.0)
    fitted = Average((bold, timid)).fit(x, y, seed=0)
    parts = [m.fit(x, y, seed=0).predict(x) for m in (bold, timid)]
    assert parts[0].std() > 50 * parts[1].std()
    typical = np.mean([p.std() for p in parts])
    expected = np.mean([p.mean() + (p - p.mean()) * typical / p.std() for p in parts], axis=0)
    np.testing.assert_allclose(fitted.predict(x), expected, rtol=1e-9)


def test_an_average_of_nothing_is_refused_and_one_keeps_its_name() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Average(())
    assert Average((Ridge(),)).name == "ridge"
    assert Average((Ridge(), LightGbm())).name == "average"


def test_seeds_matter_to_trees() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1500, 9))
    y = x[:, 0] + rng.normal(size=1500)
    first, second = (LightGbm().fit(x, y, seed=seed).predict(x) for seed in (1, 2))
    assert not np.array_equal(first, second)
    assert np.corrcoef(first, second)[0, 1] > 0.8


def test_learning_libraries_are_imported_by_who_learns_only() -> None:
    program = "import sys, tradewind.forecast; print([m for m in ('lightgbm', 'sklearn', 'scipy') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        text=True,
    )
    assert done.stdout.strip() == "[]"
