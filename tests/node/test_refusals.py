"""What does not start says why in one screen, how to go on, and ends with the code that is documented."""

from __future__ import annotations

import os
import pty
import socket
from collections.abc import Callable

import pytest

from tests.node.conftest import QUOTES, Desk, Emulated, configuration, keys
