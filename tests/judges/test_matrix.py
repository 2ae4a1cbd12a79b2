"""The page is a store: what is written is read back, and a page that says otherwise is told from one that does not."""

from __future__ import annotations

from pathlib import Path

from matrix import Cell, differences, read, render, write

GREEN = Cell("a venue", "orders: limit", "one")
RED = Cell("a venue", "account: balance", "two", "it reads the answer wrongly: twice, — even")
OTHER = Cell("another venue", "orders: limit", "one")


def test_what_is_written_is_read_back() -> None:
    assert sorted(read(render([RED, OTHER, GREEN]))) == sorted([GREEN, RED, OTHER])
    assert "| account: balance | · | ✗ |" in render([RED, GREEN])


def test_a_writer_replaces_its_own_cells_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write(page, [RED])
    write(page, [GREEN, Cell("a venue", "gone", "one")])
    write(page, [GREEN])
    write(page, [OTHER])
    assert sorted(read(page.read_text(encoding="utf-8"))) == sorted([GREEN, RED, OTHER])


def test_a_page_that_is_out_of_date_is_told() -> None:
    page = render([RED, GREEN])
    assert differences(page, [RED]) == []
    assert len(differences(page, [Cell(RED.venue, RED.operation, RED.client)])) == 2
    assert len(differences("", [GREEN])) == 1
