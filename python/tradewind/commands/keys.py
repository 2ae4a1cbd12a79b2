"""`tradewind keys …`: API keys in a file that only its password opens. No secret is ever printed."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tradewind.commands.console import KEYS_REFUSED, USAGE, AsJson, complain, emit, examples
from tradewind.commands.surroundings import chance, keys_password

CHANCE_BYTES = 40

app = typer.Typer(
    help="API keys in an encrypted file (argon2id, XChaCha20-Poly1305).",
    epilog=examples("keys add keys.json binance", "keys add keys.json binance-kill", "keys list keys.json"),
    no_args_is_help=True,
)
KeyFile = Annotated[Path, typer.Argument(help="The file.")]
Account = Annotated[str, typer.Argument(help="A venue's name, or NAME-kill for its kill switch.")]


@app.command("add", epilog=examples("keys add keys.json binance", "keys add keys.json bybit < three-lines.txt"))
def add(path: KeyFile, account: Account, as_json: AsJson = False) -> None:
    """Add an account, or replace it. Key, secret and passphrase are asked for, or read from three lines of input."""
    from tradewind import _native

    password = _password(path, again=not path.exists())
    key, secret = _line("key: "), _line("secret: ", getpass.getpass)
    passphrase = _line("passphrase (empty for none): ", getpass.getpass)
    if not key or not secret:
        complain("usage", "a key and a secret are needed")
        raise typer.Exit(USAGE)
    try:
        was_there = _native.keys_add(path, password, account, key, secret, passphrase, chance(CHANCE_BYTES))
    except _native.NodeRefused as refusal:
        _refuse(refusal.args[1])
    said = "replaced" if was_there else "added"
    emit({"account": account, "file": str(path), "done": said}, f"{said} {account} in {path}", as_json=as_json)


@app.command("list", epilog=examples("keys list keys.json --json"))
def list_accounts(path: KeyFile, as_json: AsJson = False) -> None:
    """List the accounts of a file, each with the beginning of its key."""
    from tradewind import _native

    try:
        accounts = _native.keys_list(path, _password(path))
    except _native.NodeRefused as refusal:
        _refuse(refusal.args[1])
    payload = {"file": str(path), "accounts": [{"name": name, "key_begins": key} for name, key in accounts]}
    emit(payload, "\n".join(f"{name:<16} {key}…" for name, key in accounts) or "no accounts", as_json=as_json)


@app.command("remove", epilog=examples("keys remove keys.json binance"))
def remove(path: KeyFile, account: Account, as_json: AsJson = False) -> None:
    """Remove an account from a file."""
    from tradewind import _native

    try:
        was_there = _native.keys_remove(path, _password(path), account, chance(CHANCE_BYTES))
    except _native.NodeRefused as refusal:
        _refuse(refusal.args[1])
    if not was_there:
        _refuse(f"{path} has no account `{account}`; tradewind keys list {path} shows what it has")
    emit({"account": account, "file": str(path), "done": "removed"}, f"removed {account} from {path}", as_json=as_json)


def _password(path: Path, *, again: bool = False) -> str:
    password = keys_password(str(path), again=again)
    if not password:
        _refuse(f"{path} needs a password: set TRADEWIND_KEYS_PASSWORD, or run this where it can be asked for")
        raise AssertionError
    return password


def _line(prompt: str, hidden: Callable[[str], str] | None = None) -> str:
    """Asked for where somebody is there; else the next line of the input."""
    if sys.stdin.isatty():
        return (hidden or input)(prompt).strip()
    return sys.stdin.readline().strip()


def _refuse(why: str) -> None:
    complain("keys refused", why)
    raise typer.Exit(KEYS_REFUSED)
