"""What else happens to a node that trades: it stands still, its venues are gone, its clock is set, its disk is full.

Each is brought about as it is, to a process as a user has it: SIGSTOP and SIGCONT; closed ports; a wall clock that
moves under the process (`wall_clock.c`); a file system without a byte left. Each ends with what an operator waits for.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audit import state
from kills import WITHIN_S, Ground, Running
from relay import Relay

CLOCK = Path(__file__).with_name("wall_clock.c")
HOUR_S = 3600
DISK_MB = 400
"""More than what a node leaves to others on its disk, so that it starts on it."""
DISK_FULL = 8
"""The exit code that is documented for it."""


class NotHere(Exception):
    """This machine does not allow it; says what is missing."""


def stand_still(ground: Ground, seconds: float) -> float:
    """The process is stopped for so long, then goes on; seconds until it trades on every venue again."""
    running = ground.start()
    running.until_trading()
    running.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    running.process.send_signal(signal.SIGCONT)
    took = until_orders_arrive(ground, running)
    assert any(line["event"] == "stalled" for line in running.said())
    running.kill()
    return took


def venues_down(ground: Ground, seconds: float) -> float:
    """No venue can be reached for so long; seconds until it trades on all of them again."""
    direct = {v.venue: (v.http, v.ws) for v in ground.venues}
    relays = {v.venue: Relay(v.http) for v in ground.venues}
    places = {name: f"127.0.0.1:{relay.port}" for name, relay in relays.items()}
    try:
        ground.configure({name: (f"http://{at}", f"ws://{at}") for name, at in places.items()})
        running = ground.start()
        running.until_trading()
        for relay in relays.values():
            relay.down()
        time.sleep(seconds)
        for relay in relays.values():
            relay.up()
        took = until_orders_arrive(ground, running)
        running.kill()
    finally:
        for relay in relays.values():
            relay.end()
        ground.configure(direct)
    return took


def clock_steps(ground: Ground) -> float:
    """The wall clock is set an hour ahead, then two back, each under a node that runs and before one that starts.

    Seconds until it trades again, the longest.
    """
    shift = ground.desk.folder / "shift"
    shift.write_text("0")
    with set_aside(ground, {"LD_PRELOAD": str(_clock(ground.desk.folder)), "WALL_CLOCK_SHIFT": str(shift)}):
        took = []
        for hours in (1, -1):
            running = ground.start()
            running.until_trading()
            shift.write_text(str(hours * HOUR_S))
            _until(
                running, lambda running=running: "clock-step" in {s["event"] for s in running.said()}, "sees the step"
            )
            took.append(until_orders_arrive(ground, running))
            running.kill()
            running = ground.start()
            running.until_trading()
            took.append(running.life.trading_after_s or 0.0)
            took.append(until_orders_arrive(ground, running))
            running.kill()
    return max(took)


def disk_full(ground: Ground) -> float:
    """Its disk has no byte left: it cancels what lives and stops. With room again it trades; seconds until it does."""
    with _disk(ground.desk.folder / "state") as (enter, inside):
        ground.start_with, ground.kept = enter, inside
        running = ground.start()
        running.until_trading()
        filler = inside / "filler"
        _fill(filler)
        code = running.end()
        assert code == DISK_FULL, f"ended with {code}:\n{ground.desk.log()[-3000:]}"
        for venue in ground.venues:
            assert not state(venue)["open_orders"], f"{venue.venue} has open orders of a node that stopped"
        filler.unlink()
        running = ground.start()
        running.until_trading()
        took = until_orders_arrive(ground, running)
        running.stop()
        for finding in ground.audit():
            assert not finding.differences, finding.differences[:10]
    return took


def _fill(filler: Path) -> None:
    """Until nothing fits, whoever else writes there."""
    with filler.open("wb", buffering=0) as file:
        for chunk in (1 << 20, 1 << 12):
            with suppress(OSError):
                while file.write(bytes(chunk)):
                    pass


def until_orders_arrive(ground: Ground, running: Running) -> float:
    """Until every venue has three more orders of this node; how long that took."""
    began = time.monotonic()
    before = [_orders(venue) for venue in ground.venues]

    def is_so() -> bool:
        return all(_orders(venue) >= count + 3 for venue, count in zip(ground.venues, before, strict=True))

    _until(running, is_so, "trades on every venue again")
    return time.monotonic() - began


def _orders(venue: object) -> int:
    found = state(venue)  # type: ignore[arg-type]
    return len(found["open_orders"]) + len(found["closed_orders"])


def _until(running: Running, is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not is_so():
        if time.monotonic() > end or running.process.poll() is not None:
            raise AssertionError(f"never {what}:\n{running.ground.desk.log()[-4000:]}")
        time.sleep(0.1)


@contextmanager
def set_aside(ground: Ground, environment: dict[str, str]) -> Iterator[None]:
    """With more in the environment of what is started."""
    before = ground.desk.environment
    ground.desk.environment = before | environment
    try:
        yield
    finally:
        ground.desk.environment = before


def _clock(folder: Path) -> Path:
    library = folder / "wall_clock.so"
    try:
        command = ["cc", "-shared", "-fPIC", "-o", str(library), str(CLOCK), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise NotHere(f"a C compiler that makes {CLOCK.name}: {error}") from error
    return library


@contextmanager
def _disk(folder: Path) -> Iterator[tuple[list[str], Path]]:
    """A small file system at a folder, in a namespace of its own, which needs no privilege: the words before a command
    that shall see it, and where it is seen from outside."""
    folder.mkdir(parents=True, exist_ok=True)
    script = f'mount -t tmpfs -o size={DISK_MB}m tmpfs "$1" && echo ready && exec sleep 600'
    holder = subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script, "sh", str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        if holder.stdout is None or holder.stdout.readline() != "ready\n":
            raise NotHere("a mount namespace: unshare -rm is refused")
        enter = ["nsenter", "-t", str(holder.pid), "-U", "-m", "--preserve-credentials", f"--wdns={folder.parent}"]
        yield enter, Path(f"/proc/{holder.pid}/root{folder}")
    finally:
        holder.kill()
        holder.wait()
