"""How a run fails. Apart from everything else, so that saying it needs nothing that may be missing."""

from __future__ import annotations


class RunFailed(Exception):
    """A run that could not be finished: what happened and how to go on. The CLI exits with 4."""
