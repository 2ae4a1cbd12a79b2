"""The entry of `tradewind …` and `python -m tradewind …`: an interrupt ends it cleanly even while it is loading."""

from __future__ import annotations

import sys


def main() -> None:
    """Load and run the command line."""
    try:
        from tradewind.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing had begun\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
