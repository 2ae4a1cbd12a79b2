"""Classical indicators, computed by TA-Lib through polars-talib and made free of the price's scale.

`batch` feeds prices multiplied by a power of two (exact in floating point), because TA-Lib treats sums below fixed
thresholds as zero and a coin may cost 0.00001. Recursive indicators (Wilder's and exponential averages) start at the
segment's first bar and are used only after `USABLE` time constants.
"""

from __future__ import annotations

import polars as pl
import polars_talib as talib

from tradewind.features.declaration import Feature, ratio, recursive, windowed
from tradewind.features.prices import CLOSE, FLAT, HIGH, LOW, volatility
from tradewind.features.volume import VOLUME

WILDER = "Wilder (1978)"


def _strength() -> tuple[Feature, ...]:
    return (
        *(recursive(f"rsi_{n}", n, n, talib.rsi(CLOSE, n), WILDER) for n in (6, 14, 28)),
        recursive("stoch_rsi_14", 14 + 14, 14, talib.stochrsi(CLOSE, 14, 14, 3).struct[0], "Chande & Kroll (1994)"),
        windowed("stochastic_k_24", 23 + 4, talib.stoch(HIGH, LOW, CLOSE, 24, 3, 0, 3, 0).struct[0], "Lane (1984)"),
        windowed("stochastic_d_24", 23 + 4, talib.stoch(HIGH, LOW, CLOSE, 24, 3, 0, 3, 0).struct[1], "Lane (1984)"),
        windowed("williams_r_96", 95, talib.willr(HIGH, LOW, CLOSE, 96), "Williams (1979)"),
        windowed(
            "ultimate_7_14_28", 28, talib.ultosc(HIGH, LOW, CLOSE, 7, 14, 28), "ultimate oscillator, Williams (1985)"
        ),
        *(windowed(f"cci_{n}", n - 1, talib.cci(HIGH, LOW, CLOSE, n), "Lambert (1980)") for n in (24, 96)),
        *(
            windowed(f"mfi_{n}", n, talib.mfi(HIGH, LOW, CLOSE, VOLUME, n), "money flow, Quong & Soudack (1989)")
            for n in (14, 48)
        ),
    )


def _trend() -> tuple[Feature, ...]:
    macd = talib.macd(CLOSE, 12, 26, 9)
    spread = talib.plus_di(HIGH, LOW, CLOSE, 14) - talib.minus_di(HIGH, LOW, CLOSE, 14)
    return (
        recursive("macd_12_26", 33, 13.5, macd.struct[0] / CLOSE, "Appel (1979), over the close"),
        recursive("macd_histogram_12_26_9", 33, 18.5, macd.struct[2] / CLOSE, "Appel (1979), over the close"),
        windowed("ppo_24_96", 95, talib.ppo(CLOSE, 24, 96, 0), "percentage price oscillator of simple averages"),
        recursive("adx_14", 27, 28, talib.adx(HIGH, LOW, CLOSE, 14), WILDER),
        recursive("directional_spread_14", 14, 14, spread, WILDER),
        recursive("trix_12", 34, 3 * 6.5, talib.trix(CLOSE, 12), "Hutson (1983)"),
        *(windowed(f"aroon_{n}", n, talib.aroonosc(HIGH, LOW, n), "Chande (1995)") for n in (24, 96)),
        *(
            windowed(
                f"slope_{n}",
                n - 1,
                ratio(talib.linearreg_slope(CLOSE, n), CLOSE),
                "least-squares slope per bar over the close",
            )
            for n in (24, 96)
        ),
    )


def _bands() -> tuple[Feature, ...]:
    def position(n: int) -> pl.Expr:
        bands = talib.bbands(CLOSE, n, 2.0, 2.0, 0)
        upper, lower = bands.struct[0], bands.struct[2]
        return ratio((CLOSE - lower) / CLOSE, (upper - lower) / CLOSE, FLAT)

    def width(n: int) -> pl.Expr:
        bands = talib.bbands(CLOSE, n, 2.0, 2.0, 0)
        return (bands.struct[0] - bands.struct[2]) / bands.struct[1]

    flow = ratio(talib.adosc(HIGH, LOW, CLOSE, VOLUME, 3, 10), VOLUME.rolling_mean(24))
    return (
        *(windowed(f"band_position_{n}", n - 1, position(n), "%b, Bollinger (2001)") for n in (24, 96)),
        windowed("band_width_24", 23, width(24), "Bollinger (2001)"),
        recursive("natr_14", 14, 14, talib.natr(HIGH, LOW, CLOSE, 14), f"{WILDER}, per cent of the close"),
        recursive(
            "trend_in_atr_24",
            24,
            24,
            ratio(CLOSE - CLOSE.shift(24), talib.atr(HIGH, LOW, CLOSE, 24), 0.0),
            f"{WILDER}: a day's move in average true ranges",
        ),
        windowed(
            "trend_in_volatility_72",
            72,
            ratio((CLOSE / CLOSE.shift(72)).log(), volatility(72) * 72**0.5, FLAT),
            "t-like",
        ),
        recursive("accumulation_3_10", 24, 5.5, flow, "Chaikin oscillator over a day's volume per bar"),
    )


INDICATOR_FEATURES: tuple[Feature, ...] = _strength() + _trend() + _bands()
