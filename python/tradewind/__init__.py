"""Tradewind: quantitative trading for crypto, one deterministic engine for research, backtest, paper and live."""

__version__ = "0.1.0"
