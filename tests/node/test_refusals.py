"""What does not start says why in one screen and how to go on, and ends with the code that is documented."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from desk import QUOTES, Desk, Emulated, configuration, keys

NOBODY = Emulated("binance", "http://127.0.0.1:9", "ws://127.0.0.1:9", "k", "s", None)  # type: ignore[arg-type]
Venues = Callable[..., list[Emulated]]


def refused(desk: Desk, code: int, *arguments: str) -> str:
    done = desk.run(*arguments)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert len(done.stderr.splitlines()) <= 24, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("folder =", "foldr =", "Did you mean `folder`?"),
        ('name = "binance"', 'name = "binanc"', "Did you mean `binance`?"),
        ("binance:spot:BTCUSDT", "binance:spot:BTCUSTD", "Did you mean `binance:spot:BTCUSDT`?"),
        ('"100000"', '"much"', "`much` is no number above zero"),
        ("id = 1", "id = ", "line 2"),
    ],
)
def test_a_configuration_that_is_wrong(desk: Desk, right: str, wrong: str, told: str) -> None:
    text = configuration([NOBODY], more=QUOTES.format(venue="binance"))
    assert right in text
    (desk.folder / "node.toml").write_text(text.replace(right, wrong, 1))
    said = refused(desk, 2, "paper", "--config", "node.toml")
    assert told in said
    assert "how to go on" in said


def test_live_has_to_be_said_and_needs_keys(desk: Desk) -> None:
    (desk.folder / "node.toml").write_text(configuration([NOBODY]))
    assert "--live" in refused(desk, 2, "live", "--config", "node.toml")
    assert "BINANCE_KEY" in refused(desk, 5, "live", "--config", "node.toml", "--live", "--yes")
    assert "cannot be read" in refused(desk, 2, "paper", "--config", "nowhere.toml")


def test_a_venue_that_is_down(desk: Desk) -> None:
    (desk.folder / "node.toml").write_text(configuration([NOBODY]))
    said = refused(desk, 6, "paper", "--config", "node.toml")
    assert "binance does not answer" in said
    assert "refused" in said


def test_a_symbol_that_is_not_listed_and_keys_that_are_not_taken(desk: Desk, venues: Venues) -> None:
    found = venues("binance")
    (desk.folder / "node.toml").write_text(configuration(found, spot='["BTCUSTD"]'))
    assert "Did you mean `BTCUSDT`?" in refused(desk, 2, "paper", "--config", "node.toml")
    (desk.folder / "node.toml").write_text(configuration(found))
    desk.environment = keys(found) | {"BINANCE_SECRET": "a-wrong-secret"}
    said = refused(desk, 5, "live", "--config", "node.toml", "--live", "--yes")
    assert "keys of binance are not used" in said
    assert "a-wrong-secret" not in said


def test_nobody_said_yes(desk: Desk, venues: Venues) -> None:
    found = venues("binance")
    (desk.folder / "node.toml").write_text(configuration(found, more=QUOTES.format(venue="binance")))
    desk.environment = keys(found)
    said = refused(desk, 2, "live", "--config", "node.toml", "--live")
    assert "nobody said yes" in said
    assert "max_position 5" in said
    assert "limit firm" in said


def test_a_port_that_is_taken(desk: Desk, venues: Venues) -> None:
    found = venues("binance")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (desk.folder / "node.toml").write_text(configuration(found, metrics=address))
        said = refused(desk, 7, "paper", "--config", "node.toml")
    assert address in said
    assert "node.metrics" in said


def test_a_folder_of_another_node_that_runs(desk: Desk, venues: Venues) -> None:
    found = venues("binance")
    (desk.folder / "node.toml").write_text(configuration(found))
    first = desk.start("paper", "--config", "node.toml")
    try:
        desk.until(lambda: "link-up" in desk.log(), "the first node is up")
        said = refused(desk, 4, "paper", "--config", "node.toml")
        assert "another process" in said
    finally:
        first.kill()
        first.wait()
