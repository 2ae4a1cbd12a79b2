"""`tradewind kill`: ends every order at the venues, without a node, and says what the venues confirmed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tradewind.commands.console import KEYS_REFUSED, NOT_VERIFIED, USAGE, AsJson, complain, emit, examples
from tradewind.commands.surroundings import Config, asked, config_text, environment, keys_password

EXAMPLES = examples("kill --config node.toml --yes", "kill -c node.toml --venue binance --yes --json")


def kill(
    config: Config,
    venue: Annotated[list[str] | None, typer.Option(help="Only this venue; may be said again.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    within: Annotated[float, typer.Option(min=1.0, max=600.0, help="Seconds to wait for the venues.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Cancel every open order on every configured instrument, and ask until the venue says that none is left.

    Works when the node, its journal and its disk are gone: a process, keys and connections of its own. Positions stay.
    Exit 0 when every venue confirmed it; 9 when one did not: orders may be open.
    """
    from tradewind import _native

    text = config_text(config)
    if not yes and not asked(f"Cancel every order on {', '.join(venue) if venue else 'every venue'} of {config}?"):
        complain("usage", "nobody said yes; --yes cancels without asking")
        raise typer.Exit(USAGE)
    said = environment()

    def pull(password: str | None) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = json.loads(_native.kill_orders(text, venue or [], said, password, within))
        return told

    try:
        try:
            reports = pull(said.get("TRADEWIND_KEYS_PASSWORD"))
        except _native.NodeRefused as refusal:
            if refusal.args[0] != "password":
                raise
            reports = pull(keys_password("the keys"))
    except _native.NodeRefused as refusal:
        kind, why = refusal.args
        complain("nothing was cancelled", f"{why}\n  how to go on: cancel on the venue's own page, then mend this")
        raise typer.Exit(USAGE if kind == "config" else KEYS_REFUSED) from None
    is_verified = all(report["verified"] for report in reports)
    emit({"verified": is_verified, "venues": reports}, "\n".join(_told(r) for r in reports), as_json=as_json)
    if not is_verified:
        complain("NOT VERIFIED", "orders may be open; run this again, and look at the venue's own page")
        raise typer.Exit(NOT_VERIFIED)


def _told(report: Mapping[str, Any]) -> str:
    verdict = "verified: nothing is open" if report["verified"] else "NOT VERIFIED"
    rows = [f"{report['venue']:<10} {verdict} after {report['took_ms']} ms"]
    rows.append(f"  cancelled on {', '.join(report['cancelled_on']) or 'nothing'}")
    rows += [f"  {count} orders open on {name}" for name, count in report["left"].items()]
    rows += [f"  {problem}" for problem in report["problems"]]
    return "\n".join(rows)
