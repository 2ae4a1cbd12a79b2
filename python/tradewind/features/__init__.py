"""Market → Features: what can be known about each symbol at each bar close.

`compute` for a history, `Stream` for a live process, `FEATURES` for what is computed: declarations that the conformance
suite walks. `definition_hash(FEATURES)` names the definitions, for a model to say what it was trained on.
"""

from tradewind.features.batch import FEATURES, compute
from tradewind.features.declaration import Feature, definition_hash
from tradewind.features.stream import STREAM_TOLERANCE, Stream

__all__ = ["FEATURES", "STREAM_TOLERANCE", "Feature", "Stream", "compute", "definition_hash"]
