"""Where tests find the real market data.

Tests that need it ask for `real_data`. Without it they skip and say why; with TRADEWIND_REQUIRE_DATA=1 they fail, so
that a build that must run on real data cannot pass by skipping.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real market data (TRADEWIND_DATA, else ../shared/data)."""
    folder = Path(os.environ.get("TRADEWIND_DATA") or REPOSITORY.parent / "shared" / "data")
    if (folder / "MANIFEST.json").is_file():
        return folder
    found = f"no real market data in {folder} (no MANIFEST.json there); set TRADEWIND_DATA"
    if os.environ.get("TRADEWIND_REQUIRE_DATA") == "1":
        pytest.fail(found)
    pytest.skip(found)
