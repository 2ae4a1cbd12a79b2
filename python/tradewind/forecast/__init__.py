"""Features → Forecast: all learning. Members fit and predict; the walk-forward decides what they may see.

`forecast` is the stage; `Settings` says what is learned. `LightGbm`, `Ridge` and `Average` are forecasters; another one
is any object with the two verbs of `Forecaster`. `purged_walk_forward` and the scores are usable on their own.
"""

from tradewind.forecast.blend import Average
from tradewind.forecast.folds import Mode, purged_walk_forward
from tradewind.forecast.labels import forward_returns
from tradewind.forecast.linear import Ridge
from tradewind.forecast.protocol import Fitted, Forecaster
from tradewind.forecast.scores import decay, diagnose, information_coefficients
from tradewind.forecast.trees import LightGbm
from tradewind.forecast.walk import Progress, Settings, forecast

__all__ = [
    "Average",
    "Fitted",
    "Forecaster",
    "LightGbm",
    "Mode",
    "Progress",
    "Ridge",
    "Settings",
    "decay",
    "diagnose",
    "forecast",
    "forward_returns",
    "information_coefficients",
    "purged_walk_forward",
]
