"""Feature values against other implementations: TA-Lib's NumPy interface, SciPy, and formulas written out by hand."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import talib
from scipy import stats

from tradewind.features import FEATURES, Feature, compute, definition_hash
from tradewind.features.declaration import recursive, windowed
from tradewind.flow import NS_PER_HOUR, Instrument, Market

Array = npt.NDArray[np.float64]
SYMBOLS = ("BTCUSDT", "ETHUSDT", "PEPEUSDT")
BARS = 420


def _bars(seed: int, symbol: str, price: float) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.01, BARS)))
    opening = close * np.exp(rng.normal(0, 0.002, BARS))
    return pl.DataFrame(
        {
            "ts_ns": NS_PER_HOUR * np.arange(1, BARS + 1, dtype=np.int64),
            "symbol": symbol,
            "segment": np.zeros(BARS, dtype=np.int64),
            "open": opening,
            "high": np.maximum(opening, close) * (1 + rng.uniform(0, 0.01, BARS)),
            "low": np.minimum(opening, close) * (1 - rng.uniform(0, 0.01, BARS)),
            "close": close,
            "volume": rng.lognormal(3, 1, BARS) / price,
        }
    )


@pytest.fixture(scope="module")
def market() -> Market:
    prices = (60_000.0, 3_000.0, 0.00001)
    bars = pl.concat(_bars(i, s, p) for i, (s, p) in enumerate(zip(SYMBOLS, prices, strict=True)))
    instruments = tuple(Instrument("test", s, s[:-4], "USDT", "1", "1", "1", 1.0, 1.0, 1.0) for s in SYMBOLS)
    return Market(bars.sort("ts_ns", "symbol"), bars.head(0), instruments, NS_PER_HOUR, (), "simulated", "test")


@pytest.fixture(scope="module")
def frame(market: Market) -> pl.DataFrame:
    return compute(market).frame


@pytest.fixture(scope="module", params=SYMBOLS)
def series(request: pytest.FixtureRequest, market: Market) -> tuple[str, dict[str, Array]]:
    """A symbol and its columns as arrays, prices near 60,000 so that TA-Lib's fixed thresholds are far away."""
    bars = market.bars.filter(pl.col("symbol") == request.param)
    columns = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    scale = 60_000 / columns["close"][0]
    return request.param, {k: v / scale if k == "volume" else v * scale for k, v in columns.items()}


def test_indicators_are_those_of_talib(series: tuple[str, dict[str, Array]], frame: pl.DataFrame) -> None:
    symbol, c = series
    h, low, close, volume = c["high"], c["low"], c["close"], c["volume"]
    macd, _, histogram = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 24, 2.0, 2.0, 0)
    slow_k, slow_d = talib.STOCH(h, low, close, 24, 3, 0, 3, 0)
    expected = {
        "rsi_14": talib.RSI(close, 14),
        "rsi_28": talib.RSI(close, 28),
        "stoch_rsi_14": talib.STOCHRSI(close, 14, 14, 3)[0],
        "stochastic_k_24": slow_k,
        "stochastic_d_24": slow_d,
        "williams_r_96": talib.WILLR(h, low, close, 96),
        "ultimate_7_14_28": talib.ULTOSC(h, low, close, 7, 14, 28),
        "cci_24": talib.CCI(h, low, close, 24),
        "mfi_14": talib.MFI(h, low, close, volume, 14),
        "macd_12_26": macd / close,
        "macd_histogram_12_26_9": histogram / close,
        "ppo_24_96": talib.PPO(close, 24, 96, 0),
        "adx_14": talib.ADX(h, low, close, 14),
        "directional_spread_14": talib.PLUS_DI(h, low, close, 14) - talib.MINUS_DI(h, low, close, 14),
        "trix_12": talib.TRIX(close, 12),
        "aroon_96": talib.AROONOSC(h, low, 96),
        "slope_24": talib.LINEARREG_SLOPE(close, 24) / close,
        "band_position_24": (close - lower) / (upper - lower),
        "band_width_24": (upper - lower) / middle,
        "natr_14": talib.NATR(h, low, close, 14),
        "trend_in_atr_24": np.append(np.full(24, np.nan), close[24:] - close[:-24]) / talib.ATR(h, low, close, 24),
    }
    found = frame.filter(pl.col("symbol") == symbol)
    for name, values in expected.items():
        mine = found[name].to_numpy()
        known = ~np.isnan(mine)
        assert known.sum() > 200, name
        np.testing.assert_allclose(mine[known], values[known], rtol=1e-7, atol=1e-9, err_msg=name)


def _formulas(c: dict[str, Array]) -> dict[str, float]:
    """The last bar's features, written out plainly from their definitions."""
    o, h, low, close, volume = (c[k] for k in ("open", "high", "low", "close", "volume"))
    r = np.diff(np.log(close))
    week, day = slice(-168, None), slice(-24, None)
    satchell = np.log(h / close) * np.log(h / o) + np.log(low / close) * np.log(low / o)
    garman = 0.5 * np.log(h / low) ** 2 - (2 * math.log(2) - 1) * np.log(close / o) ** 2
    k = 0.34 / (1.34 + 25 / 23)
    jump = np.log(o[1:] / close[:-1])
    turnover = close * volume
    size = np.log1p(turnover)
    four = np.log(close[4:] / close[:-4])
    typical = (h + low + close) / 3
    return {
        "return_72": math.log(close[-1] / close[-73]),
        "momentum_168_skip_24": math.log(close[-25] / close[-169]),
        "volatility_168": r[week].std(ddof=1),
        "parkinson_24": math.sqrt(np.mean(np.log(h[day] / low[day]) ** 2) / (4 * math.log(2))),
        "garman_klass_168": math.sqrt(garman[week].mean()),
        "rogers_satchell_24": math.sqrt(satchell[day].mean()),
        "yang_zhang_24": math.sqrt(
            jump[day].var(ddof=1) + k * np.log(close / o)[day].var(ddof=1) + (1 - k) * satchell[day].mean()
        ),
        "volatility_of_volatility_168": np.abs(r[week]).std(ddof=1) / np.abs(r[week]).mean(),
        "downside_share_168": (np.minimum(r[week], 0) ** 2).sum() / (r[week] ** 2).sum(),
        "skew_72": float(stats.skew(r[-72:])),
        "kurtosis_168": float(stats.kurtosis(r[week])),
        "largest_rise_168": r[week].max() / r[week].std(ddof=1),
        "autocorrelation_72": np.corrcoef(r[-72:], r[-73:-1])[0, 1],
        "variance_ratio_4_168": four[week].var(ddof=1) / (4 * r[week].var(ddof=1)),
        "range_position_168": (close[-1] - low[week].min()) / (h[week].max() - low[week].min()),
        "drawdown_336": math.log(close[-1] / h[-336:].max()),
        "price_z_24": (close[-1] / close[day].mean() - 1) / np.log(close[day]).std(ddof=1),
        "efficiency_72": abs(math.log(close[-1] / close[-73])) / np.abs(r[-72:]).sum(),
        "close_location_24": (2 * close - h - low)[day].sum() / (h - low)[day].sum(),
        "volume_z_168": (size[-1] - size[week].mean()) / size[week].std(ddof=1),
        "illiquidity_24": math.log(np.abs(r[day]).sum() / turnover[day].sum()),
        "vwap_distance_24": math.log(close[-1] / ((typical * volume)[day].sum() / volume[day].sum())),
        "signed_flow_24": (np.sign(r) * volume[1:])[day].sum() / volume[day].sum(),
        "volume_volatility_correlation_168": np.corrcoef(np.abs(r[week]), size[week])[0, 1],
        "trend_in_volatility_72": math.log(close[-1] / close[-73]) / (r[-72:].std(ddof=1) * math.sqrt(72)),
    }


def test_own_features_are_their_formulas(market: Market, frame: pl.DataFrame) -> None:
    for symbol in SYMBOLS:
        bars = market.bars.filter(pl.col("symbol") == symbol)
        columns = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
        last = frame.filter(pl.col("symbol") == symbol).row(-1, named=True)
        for name, expected in _formulas(columns).items():
            assert last[name] == pytest.approx(expected, rel=1e-9, abs=1e-12), (symbol, name)


def test_relative_features_are_their_formulas(market: Market, frame: pl.DataFrame) -> None:
    returns = {s: np.diff(np.log(market.bars.filter(pl.col("symbol") == s)["close"].to_numpy())) for s in SYMBOLS}
    everyone = np.array([returns[s] for s in SYMBOLS])
    index, bitcoin, eth = everyone.mean(axis=0), returns["BTCUSDT"], returns["ETHUSDT"]
    covariance = np.cov(eth[-168:], index[-168:])
    beta = covariance[0, 1] / covariance[1, 1]
    fit = stats.linregress(index[-168:], eth[-168:])
    residuals = eth[-168:] - fit.slope * index[-168:] - fit.intercept
    expected = {
        "beta_market_168": fit.slope,
        "beta_btc_168": stats.linregress(bitcoin[-168:], eth[-168:]).slope,
        "correlation_btc_72": np.corrcoef(eth[-72:], bitcoin[-72:])[0, 1],
        "correlation_market_168": fit.rvalue,
        "residual_volatility_168": residuals.std(ddof=1),
        "residual_return_24": eth[-24:].sum() - beta * index[-24:].sum(),
        "residual_momentum_168": (eth[-168:].sum() - beta * index[-168:].sum()) / (residuals.std(ddof=1) * 168**0.5),
        "lead_lag_btc_168": np.corrcoef(eth[-168:], bitcoin[-169:-1])[0, 1],
        "market_return_24": index[-24:].sum(),
        "dispersion_24": everyone.std(axis=0, ddof=1)[-24:].mean(),
        "breadth_24": (everyone > 0).mean(axis=0)[-24:].mean(),
    }
    last = frame.filter(pl.col("symbol") == "ETHUSDT").row(-1, named=True)
    for name, value in expected.items():
        assert last[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_cross_features_are_ranks_and_distances_from_the_median(frame: pl.DataFrame) -> None:
    for ts_ns in frame["ts_ns"].unique().sort().tail(5):
        now = frame.filter(pl.col("ts_ns") == ts_ns)
        ranks = (stats.rankdata(now["volatility_168"]) - 0.5) / 3 - 0.5
        np.testing.assert_allclose(now["rank_volatility_168"], ranks, atol=1e-15)
        excess = now["return_24"].to_numpy() - np.median(now["return_24"])
        np.testing.assert_allclose(now["excess_return_24"], excess, atol=1e-15)


def test_calendar_features_turn_with_the_clock(market: Market) -> None:
    # 1970-01-05 was a Monday: at its 00:00 both circles start, and 1970-01-06 06:00 is a quarter day later.
    monday = 4 * 24
    start = market.bars.filter(pl.col("symbol") == "BTCUSDT").sort("ts_ns").head(200)
    frame = compute(replace(market, bars=start)).frame
    at = {int(row["ts_ns"]) // NS_PER_HOUR: row for row in frame.iter_rows(named=True)}
    assert at[monday]["week_cos"] == pytest.approx(1.0)
    assert at[monday]["hour_cos"] == pytest.approx(1.0)
    assert at[monday + 6]["hour_sin"] == pytest.approx(1.0)
    assert at[monday + 84]["week_cos"] == pytest.approx(-1.0)


def test_the_definition_hash_names_the_definitions() -> None:
    base = definition_hash(FEATURES)
    assert definition_hash(FEATURES[::-1]) == base
    changed = replace(FEATURES[0], expression=FEATURES[0].expression * 2)
    assert definition_hash([changed, *FEATURES[1:]]) != base
    assert definition_hash([replace(FEATURES[0], warmup_bars=0), *FEATURES[1:]]) != base
    program = "from tradewind.features import *; import json; print(json.dumps(definition_hash(FEATURES)))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        text=True,
    )
    assert json.loads(elsewhere.stdout) == base


def test_declarations_are_checked(market: Market) -> None:
    with pytest.raises(ValueError, match="warmup_bars < memory_bars"):
        Feature("x", "own", 5, 5, pl.col("close"), "none")
    with pytest.raises(ValueError, match="unique"):
        compute(market, [FEATURES[0], FEATURES[0]])
    orphan = Feature("x", "cross", 0, 1, pl.col("nobody").rank(), "none")
    with pytest.raises(ValueError, match="no feature declares"):
        compute(market, [orphan])
    assert windowed("x", 3, pl.col("close"), "none").memory_bars == 4
    assert recursive("x", 14, 14, pl.col("close"), "none").memory_bars > 14 * 32
