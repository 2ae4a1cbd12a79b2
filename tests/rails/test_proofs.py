"""Every rule of the architecture, broken on purpose: the command of `make check` that guards it must fail.

Each proof copies the tree, breaks one rule and runs one command of `make check` on the copy. The control runs every
command on an unbroken copy: what fails in a proof fails because of the breach. The table in
docs/decisions/0002-rails.md names the same proofs; a test holds the two together.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import REPOSITORY, TIDY, Tree, tree_at

CARGO_FORMAT, CLIPPY = "cargo fmt", "cargo clippy"
FORMAT, LINT, TYPES, LAYERS, RULES = (
    "ruff format",
    "ruff check",
    "mypy",
    "lint-imports",
    ".venv/bin/python tests/tidy.py",
)
CHECKERS = (CARGO_FORMAT, CLIPPY, FORMAT, LINT, TYPES, LAYERS, RULES)

Change = tuple[str, Callable[[str], str | None]]


def write(here: str, text: str) -> Change:
    """A new file."""
    return here, lambda _: text


def remove(here: str) -> Change:
    """A file taken away."""
    return here, lambda _: None


def append(here: str, text: str) -> Change:
    """A file with something at its end."""
    return here, lambda before: before + text


def replace(here: str, old: str, new: str) -> Change:
    """A file with something else in it."""

    def changed(before: str) -> str:
        assert old in before, f"{here} no longer holds {old!r}: bring the proof up to date"
        return before.replace(old, new, 1)

    return here, changed


def changed(*changes: Change) -> dict[str, str | None]:
    """Path → its text in the broken copy, None where it is taken away."""
    texts: dict[str, str | None] = {}
    for here, change in changes:
        path = REPOSITORY / here
        before = texts.get(here) or (path.read_text() if path.is_file() else "")
        texts[here] = change(before)
    return texts


@dataclass(frozen=True)
class Proof:
    """A breach: what it is called, who must see it, what is done, and what the checker must say (as patterns)."""

    name: str
    checker: str
    changes: tuple[Change, ...]
    says: tuple[str, ...]


def _lines(template: str, count: int) -> str:
    return "".join(template.format(i=i) for i in range(count))


DEPENDENCIES = "[dependencies]\n"
# Put together here, so that the checks do not find them in this file.
UNFINISHED_MARK = "TO" + "DO"
A_MACHINE = "/".join(("", "home", "somebody", "data"))

TIDY_PROOFS = (
    Proof(
        "crate-graph",
        RULES,
        (
            replace("crates/engine/Cargo.toml", DEPENDENCIES, DEPENDENCIES + "tradewind-exchange.workspace = true\n"),
            append("crates/engine/src/lib.rs", "\nuse tradewind_exchange as _;\n"),
        ),
        (r"crates/engine/Cargo.toml: crate-graph: `engine` may not depend on `exchange`",),
    ),
    Proof(
        "crate-graph-renamed",
        RULES,
        (
            append(
                "crates/book/Cargo.toml",
                '\n[build-dependencies]\nlog = { package = "tradewind-journal", path = "../journal" }\n',
            ),
            write("crates/book/build.rs", "//! Reaches up the graph.\n\nuse log as _;\n\nfn main() {}\n"),
        ),
        (r"crates/book/Cargo.toml: crate-graph: `book` may not depend on `journal`",),
    ),
    Proof(
        "new-crate",
        RULES,
        (
            write(
                "crates/gossip/Cargo.toml",
                '[package]\nname = "tradewind-gossip"\nlicense = "Apache-2.0"\nedition = "2024"\n',
            ),
            write("crates/gossip/src/lib.rs", "//! A crate nobody decided on.\n"),
        ),
        (r"crates/gossip/Cargo.toml: new-crate: `gossip` is not in the design",),
    ),
    Proof(
        "crate-lints",
        RULES,
        (replace("crates/limits/Cargo.toml", "[lints]\nworkspace = true\n", ""),),
        (r"crates/limits/Cargo.toml: lints: the workspace's lints do not apply",),
    ),
    Proof(
        "pure-closure",
        RULES,
        (
            replace("crates/types/Cargo.toml", DEPENDENCIES, DEPENDENCIES + 'pyo3 = "0.30.1"\n'),
            append("crates/types/src/lib.rs", "\nuse pyo3 as _;\n"),
        ),
        tuple(
            rf"crates/{crate}/Cargo.toml: purity: `pyo3` is in the dependency closure of a pure crate"
            for crate in TIDY.PURE
        ),
    ),
    Proof(
        "pure-bans",
        RULES,
        (
            replace(
                "crates/engine/clippy.toml",
                '{ path = "std::collections::HashMap"',
                '# { path = "std::collections::HashMap"',
            ),
        ),
        (r"crates/engine/clippy.toml: purity: `std::collections::HashMap` is not banned",),
    ),
    Proof(
        "silenced-purity",
        RULES,
        (
            append(
                "crates/engine/src/state.rs", '\n#[expect(clippy::disallowed_types, reason = "quick")]\nmod fast {}\n'
            ),
        ),
        (r"crates/engine/src/state.rs:\d+: silenced: `clippy::disallowed_types",),
    ),
    Proof(
        "silenced-without-reason",
        RULES,
        (append("python/tradewind/risk/tail.py", "\nLIMIT = [1, 2,]  # noqa: COM819\n"),),
        (r"python/tradewind/risk/tail.py:\d+: silenced: `noqa: COM819`",),
    ),
    Proof(
        "unused-dependency",
        RULES,
        (replace("crates/book/Cargo.toml", DEPENDENCIES, DEPENDENCIES + "thiserror.workspace = true\n"),),
        (r"crates/book/Cargo.toml: unused-dependency: no source of the crate names `thiserror`",),
    ),
    Proof(
        "dead-python",
        RULES,
        (write("python/tradewind/risk/stress.py", '"""A stage\'s file that no one uses."""\n'),),
        (r"python/tradewind/risk/stress.py: dead-file",),
    ),
    Proof(
        "dead-rust",
        RULES,
        (write("crates/engine/src/netting.rs", "//! A file that no `mod` declares.\n"),),
        (r"crates/engine/src/netting.rs: dead-file: no `mod netting;` declares it",),
    ),
    Proof(
        "naming",
        RULES,
        (
            write("python/tradewind/risk/utils.py", '"""Odds and ends."""\n'),
            append("python/tradewind/risk/tail.py", "\nfrom tradewind.risk import utils\n"),
        ),
        (r"python/tradewind/risk/utils.py: naming: `utils.py` says nothing",),
    ),
    Proof(
        "long-file",
        RULES,
        (append("crates/engine/src/orders.rs", _lines("// A remark, number {i}.\n", 600)),),
        (r"crates/engine/src/orders.rs: long-file: \d+ lines; at most 600",),
    ),
    Proof(
        "long-function-python",
        RULES,
        (append("python/tradewind/risk/tail.py", "\n\ndef _everything() -> None:\n" + _lines("    print({i})\n", 70)),),
        (r"python/tradewind/risk/tail.py:\d+: long-function: `_everything` has 71 lines; at most 70",),
    ),
    Proof(
        "long-function-rust",
        RULES,
        (append("crates/engine/src/timers.rs", "\nfn everything() {\n" + _lines("    drop({i});\n", 69) + "}\n"),),
        (r"crates/engine/src/timers.rs:\d+: long-function: `everything` has 71 lines; at most 70",),
    ),
    Proof(
        "near-twin",
        RULES,
        (
            write("crates/engine/src/equity_twin.rs", (REPOSITORY / "crates/engine/src/equity.rs").read_text()),
            replace("crates/engine/src/lib.rs", "mod equity;\n", "mod equity;\nmod equity_twin;\n"),
        ),
        (r"crates/engine/src/equity.rs: near-twin: 100% of its \d+ telling lines are shared with .*/equity_twin.rs",),
    ),
    Proof(
        "idea",
        RULES,
        (
            write("crates/engine/src/netting.rs", "fn net() {}\n"),
            replace("crates/engine/src/lib.rs", "mod orders;\n", "mod netting;\nmod orders;\n"),
        ),
        (r"crates/engine/src/netting.rs:1: idea: the file does not open with a `//!` comment",),
    ),
    Proof(
        "unfinished",
        RULES,
        (append("crates/engine/src/orders.rs", f"\n// {UNFINISHED_MARK}: partial fills\n"),),
        (rf"crates/engine/src/orders.rs:\d+: unfinished: `// {UNFINISHED_MARK}: partial fills`",),
    ),
    Proof(
        "machine-path",
        RULES,
        (append("README.md", f"\nThe data is in {A_MACHINE}.\n"),),
        (r"README.md:\d+: machine-path: ",),
    ),
    Proof(
        "dead-link",
        RULES,
        (append("README.md", "\nSee [the guide](docs/no-such-guide.md).\n"),),
        (r"README.md:\d+: dead-link: docs/no-such-guide.md",),
    ),
    Proof(
        "blob",
        RULES,
        (write("docs/images/large.svg", "<svg/>" + " " * 1_000_000),),
        (r"docs/images/large.svg: blob: 1000006 bytes; at most 1000000",),
    ),
    Proof(
        "licence",
        RULES,
        (replace("crates/limits/Cargo.toml", "license.workspace = true", 'license = "GPL-3.0-only"'),),
        (r"Cargo.lock: licence: tradewind-limits \S+ is `GPL-3.0-only`",),
    ),
    Proof(
        "floors",
        RULES,
        (replace("pyproject.toml", '"rich>=15.0"', '"rich"'),),
        (r"pyproject.toml: floors: `rich` has no floor",),
    ),
    Proof("locks", RULES, (remove("uv.lock"),), (r"uv.lock: locks: missing; commit it",)),
    Proof(
        "integration",
        RULES,
        (append(".ci/run", "cargo build --workspace\n"),),
        (r".ci/run:\d+: ci: `cargo build --workspace` is not `make` with a target",),
    ),
    Proof(
        "nouns-only",
        RULES,
        (append("python/tradewind/flow.py", "\n\ndef rebalance(target: Target) -> Target:\n    return target\n"),),
        (r"python/tradewind/flow.py:\d+: nouns-only: `rebalance` is a verb",),
    ),
    Proof(
        "unseeded",
        RULES,
        (append("python/tradewind/forecast/walk.py", "\nCHANCE = np.random.default_rng()\n"),),
        (r"python/tradewind/forecast/walk.py:\d+: unseeded: `np.random.default_rng` without a seed",),
    ),
    Proof(
        "flag-argument",
        RULES,
        (append("python/tradewind/risk/tail.py", "\n\ndef losses(sorted_first: bool) -> int:\n    return 1\n"),),
        (r"python/tradewind/risk/tail.py:\d+: flag-argument: `losses\(sorted_first\)`",),
    ),
)

STAGES_APART = "stages never import each other; only research and the CLI compose them BROKEN"
NO_WORLD = "after market, no stage reaches for a network, a clock or a database BROKEN"

PYTHON_PROOFS = (
    Proof(
        "stage-imports-stage",
        LAYERS,
        (append("python/tradewind/features/prices.py", "\nfrom tradewind import risk\n"),),
        (STAGES_APART, r"tradewind\.features\.prices -> tradewind\.risk"),
    ),
    Proof(
        "stage-imports-composer",
        LAYERS,
        (append("python/tradewind/market/bars.py", "\nfrom tradewind.research import runs\n"),),
        (STAGES_APART, r"tradewind\.market\.bars -> tradewind\.research\.runs"),
    ),
    Proof(
        "flow-imports-stage",
        LAYERS,
        (append("python/tradewind/flow.py", "\nfrom tradewind import market\n"),),
        (STAGES_APART, r"tradewind\.flow -> tradewind\.market"),
    ),
    Proof(
        "flow-computes",
        LAYERS,
        (append("python/tradewind/flow.py", "\nimport numpy\n"),),
        ("flow holds nouns only BROKEN", r"tradewind\.flow -> numpy"),
    ),
    Proof(
        "new-module",
        LAYERS,
        (write("python/tradewind/gossip.py", '"""A module nobody placed."""\n'),),
        (STAGES_APART, r"tradewind\.gossip"),
    ),
    *(
        Proof(
            f"stage-imports-{what}",
            LAYERS,
            (append(f"python/tradewind/{stage}.py", f"\nimport {module}\n"),),
            (NO_WORLD, rf"tradewind\.{stage.replace('/', '.')} -> {module}"),
        )
        for what, stage, module in (
            ("network", "forecast/walk", "socket"),
            ("clock", "risk/tail", "time"),
            ("database", "portfolio/view", "sqlite3"),
        )
    ),
    Proof("format-python", FORMAT, (append("python/tradewind/risk/tail.py", "\nX = { 'a':1 }\n"),), ("tail.py",)),
    *(
        Proof(name, LINT, (append(here, text),), (rf"{code}[\s\S]*{here}:\d+",))
        for name, here, text, code in (
            ("lint-python", "python/tradewind/risk/tail.py", "\nimport json\n", "F401"),
            (
                "wall-clock-datetime",
                "python/tradewind/market/times.py",
                "\n\nSTARTED = datetime.now(UTC)\n",
                r"TID251 `datetime\.datetime\.now` is banned: time is an argument",
            ),
            (
                "wall-clock-time",
                "python/tradewind/market/times.py",
                "\n\ndef _now_ns() -> int:\n    import time\n\n    return time.time_ns()\n",
                r"TID251 `time` is banned: time is an argument",
            ),
            (
                "chance-legacy",
                "python/tradewind/forecast/walk.py",
                "\n\nNOISE = np.random.normal(size=3)\n",
                r"NPY002",
            ),
            (
                "chance-ambient",
                "python/tradewind/forecast/walk.py",
                "\n\ndef _toss() -> float:\n    import random\n\n    return random.random()\n",
                r"TID251 `random` is banned: chance is an argument",
            ),
            (
                "swallowed",
                "python/tradewind/risk/tail.py",
                "\n\ndef _quiet() -> None:\n    try:\n        print()\n    except Exception:\n        pass\n",
                r"S110 `try`-`except`-`pass` detected",
            ),
            (
                "blind-except",
                "python/tradewind/risk/tail.py",
                "\n\ndef _blind() -> None:\n    try:\n        print()\n    except Exception:\n        print()\n",
                r"BLE001 Do not catch blind exception",
            ),
            (
                "print",
                "python/tradewind/risk/tail.py",
                '\n\ndef _say() -> None:\n    print("hello")\n',
                r"T201 `print` found",
            ),
            ("undocumented-python", "python/tradewind/risk/tail.py", "\n\ndef loss() -> int:\n    return 1\n", r"D103"),
            ("blanket-noqa", "python/tradewind/risk/tail.py", "\nX = 1  # noqa\n", r"PGH004"),
        )
    ),
    Proof(
        "types-python",
        TYPES,
        (append("python/tradewind/risk/tail.py", '\n\nLIMIT: int = "ten"\n'),),
        (r"python/tradewind/risk/tail\.py:\d+: error: Incompatible types in assignment",),
    ),
    Proof(
        "format-rust",
        CARGO_FORMAT,
        (append("crates/types/src/time.rs", "\nfn  crooked( ) { }\n"),),
        (r"crates/types/src/time\.rs:\d+",),
    ),
)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, built: Path) -> set[str]:
    """What tidy says of an unbroken copy: nothing, or the control fails."""
    return set(tree_at(tmp_path_factory.mktemp("unbroken"), built, {}).check(RULES).said.splitlines())


@pytest.mark.parametrize("proof", TIDY_PROOFS, ids=lambda p: p.name)
def test_tidy_refuses(tree: Tree, unbroken: set[str], proof: Proof) -> None:
    tree.edit(changed(*proof.changes))
    verdict = tree.check(proof.checker)
    assert verdict.code == 1, verdict.said
    findings = [line for line in verdict.said.splitlines()[:-1] if line not in unbroken]
    for pattern in proof.says:
        assert any(re.match(pattern, line) for line in findings), verdict.said
    rules = {line.split(": ", 2)[1] for line in findings}
    assert len(rules) == 1, f"one rule was broken, these were found: {findings}"


@pytest.mark.parametrize("proof", PYTHON_PROOFS, ids=lambda p: p.name)
def test_check_refuses(tree: Tree, proof: Proof) -> None:
    tree.edit(changed(*proof.changes))
    verdict = tree.check(proof.checker)
    assert verdict.code != 0, f"{proof.checker} passed"
    for pattern in proof.says:
        assert re.search(pattern, verdict.said), verdict.said


@pytest.mark.parametrize("checker", [c for c in CHECKERS if c != CLIPPY])
def test_control_the_unbroken_copy_passes(tree: Tree, checker: str) -> None:
    verdict = tree.check(checker)
    assert verdict.code == 0, verdict.said


def test_make_check_runs_these_checkers_and_no_other(tree: Tree) -> None:
    assert [c for command in tree.commands() for c in CHECKERS if command.startswith(c)] == list(CHECKERS)
    assert len(tree.commands()) == len(CHECKERS)


# What the compiler and clippy refuse. One run sees many breaches: each is asked for by message, file and line.

BREACHES_IN_TYPES = {
    "wall-clock-rust": (
        "/// Reads a clock.\npub fn started() -> std::time::Instant {\n    std::time::Instant::now()\n}\n",
        "std::time::Instant::now()",
        "use of a disallowed method `std::time::Instant::now`",
    ),
    "wall-clock-system": (
        "/// Reads a clock.\npub fn today() -> std::time::SystemTime {\n    std::time::SystemTime::now()\n}\n",
        "std::time::SystemTime::now()",
        "use of a disallowed method `std::time::SystemTime::now`",
    ),
    "hash-map": (
        "/// Has an order that depends on chance.\npub type Unordered = std::collections::HashMap<u8, u8>;\n",
        "HashMap<u8, u8>",
        "use of a disallowed type `std::collections::HashMap`",
    ),
    "unsafe": (
        "/// Is not checked.\npub fn raw(p: &u8) -> u8 {\n    unsafe { *std::ptr::from_ref(p) }\n}\n",
        "unsafe {",
        "usage of an `unsafe` block",
    ),
    "unwrap": (
        "/// Panics.\npub fn first(v: &[u8]) -> u8 {\n    *v.first().unwrap()\n}\n",
        ".unwrap()",
        "used `unwrap()` on an `Option` value",
    ),
    "panic": (
        '/// Panics.\npub fn stop() {\n    panic!("no")\n}\n',
        "panic!(",
        "`panic` should not be present in production code",
    ),
    "float-money": (
        "/// Loses units.\npub fn fee(notional: f64, rate: f64) -> f64 {\n    notional * rate\n}\n",
        "notional * rate",
        "floating-point arithmetic detected",
    ),
    "undocumented-rust": ("pub const SILENT: u8 = 0;\n", "pub const SILENT", "missing documentation for a constant"),
    "swallowed-result": (
        '/// Hides a failure.\npub fn parse() {\n    "x".parse::<u8>();\n}\n',
        '"x".parse',
        "unused `std::result::Result` that must be used",
    ),
    "lint-rust": (
        "/// Says it the long way.\npub fn is_on(on: bool) -> bool {\n    if on { true } else { false }\n}\n",
        "if on {",
        "this if-then-else expression returns a bool literal",
    ),
}

FORGED_FIELDS = """//! Builds a command by hand.

#[test]
fn forged() {
    let order = tradewind_types::OrderId::default();
    let request = tradewind_types::OrderRequest::Cancel { order, instrument: tradewind_types::InstrumentId(0) };
    drop(tradewind_limits::Command { request });
}
"""
FORGED_MINT = """//! Mints a command, and makes two of one.

#[test]
fn forged() {
    let order = tradewind_types::OrderId::default();
    let request = tradewind_types::OrderRequest::Cancel { order, instrument: tradewind_types::InstrumentId(0) };
    drop(tradewind_limits::Command::mint(request));
}

#[must_use]
pub fn twice(command: &tradewind_limits::Command) -> tradewind_limits::Command {
    command.clone()
}
"""
FORGED_BYTES = """//! Reads a command from bytes.

fn read<T: serde::de::DeserializeOwned>() {}

#[test]
fn forged() {
    read::<tradewind_limits::Command>();
}
"""
FORGERIES = {
    "forged-by-hand": (
        "crates/engine/tests/forged_by_hand.rs",
        "Command { request }",
        r"error\[E0451\]: field `request` of struct `(tradewind_limits::)?Command` is private",
    ),
    "forged-by-minting": (
        "crates/engine/tests/forged_by_minting.rs",
        "mint(request)",
        r"error\[E0624\]: associated function `mint` is private",
    ),
    "forged-by-copying": (
        "crates/engine/tests/forged_by_minting.rs",
        "command.clone()",
        r"error\[E0308\]: mismatched types",
    ),
    "forged-from-bytes": (
        "crates/simulator/tests/forged_from_bytes.rs",
        "read::<tradewind_limits::Command>",
        r"error\[E0277\]: the trait bound `(tradewind_limits::)?Command: [\w:]*Deserialize\S* is not satisfied",
    ),
}


@pytest.fixture(scope="module")
def alone(built: Path) -> Iterator[None]:
    """The copies that the compiler works on are kept, so one run at a time."""
    with (built / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def clippy(built: Path, name: str, changes: Mapping[str, str | None]) -> tuple[Tree, int, str]:
    """The copy kept under a name, brought to these changes, and what clippy says of it.

    Cargo tells crates apart by name and version and not by place, so each copy has a version of its own: nothing that
    is built of it is taken for the crates of the tree, while what both depend on is built once.
    """
    texts = {here: changes.get(here) or (REPOSITORY / here).read_text() for here in ("Cargo.toml", "Cargo.lock")}
    version = re.search(r'^version = "(.*)"', texts["Cargo.toml"], re.MULTILINE)[1]
    own = f"{version}-{name}"
    texts["Cargo.toml"] = texts["Cargo.toml"].replace(f'version = "{version}"', f'version = "{own}"', 1)
    texts["Cargo.lock"] = re.sub(
        rf'(name = "tradewind-\w+"\nversion = "){re.escape(version)}"', rf'\g<1>{own}"', texts["Cargo.lock"]
    )
    tree = tree_at(built / name, built, {**changes, **texts})
    verdict = tree.check(CLIPPY)
    return tree, verdict.code, verdict.said


def place(tree: Tree, here: str, code: str) -> int:
    """The line of a file that holds this code."""
    (line,) = (n for n, text in enumerate(tree.text(here).splitlines(), 1) if code in text)
    return line


def complained(said: str, message: str, here: str, line: int) -> bool:
    """Whether an error of this message points at this place."""
    blocks = re.split(r"\n(?=error|warning)", said)
    return any(re.search(message, b.splitlines()[0]) and f"--> {here}:{line}:" in b for b in blocks if b)


@pytest.fixture(scope="module")
def impure(built: Path, alone: None) -> tuple[Tree, int, str]:
    """A pure crate of the money path with every breach in it."""
    breaches = "//! Breaks rules.\n\n" + "\n".join(text for text, _, _ in BREACHES_IN_TYPES.values())
    changes = changed(
        write("crates/types/src/breaches.rs", breaches),
        replace("crates/types/src/lib.rs", "mod algo;\n", "mod algo;\npub mod breaches;\n"),
    )
    return clippy(built, "impure", changes)


@pytest.mark.rails
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BREACHES_IN_TYPES)
def test_clippy_refuses(impure: tuple[Tree, int, str], name: str) -> None:
    tree, code, said = impure
    _, marked, message = BREACHES_IN_TYPES[name]
    here = "crates/types/src/breaches.rs"
    assert code != 0
    assert complained(said, re.escape(message), here, place(tree, here, marked)), said


@pytest.mark.rails
@pytest.mark.timeout(900)
def test_control_clippy_passes_on_the_unbroken_copy(built: Path, alone: None) -> None:
    _, code, said = clippy(built, "whole", {})
    assert code == 0, said


@pytest.fixture(scope="module")
def forged(built: Path, alone: None) -> tuple[Tree, int, str]:
    """Every way to get a command without passing the limits."""
    simulator = "crates/simulator/Cargo.toml"
    changes = changed(
        write(FORGERIES["forged-by-hand"][0], FORGED_FIELDS),
        write(FORGERIES["forged-by-minting"][0], FORGED_MINT),
        write(FORGERIES["forged-from-bytes"][0], FORGED_BYTES),
        # The lock need not change: the storms' tests depend on limits already.
        replace(simulator, DEPENDENCIES, DEPENDENCIES + "tradewind-limits.workspace = true\n"),
    )
    return clippy(built, "whole", changes)


@pytest.mark.rails
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", FORGERIES)
def test_a_command_cannot_be_forged(forged: tuple[Tree, int, str], name: str) -> None:
    tree, code, said = forged
    here, marked, message = FORGERIES[name]
    assert code != 0
    assert complained(said, message, here, place(tree, here, marked)), said


def test_the_decision_record_lists_every_proof() -> None:
    record = (REPOSITORY / "docs/decisions/0002-rails.md").read_text()
    rows = [line.rstrip("|").rsplit("|", 1)[-1] for line in record.splitlines() if line.startswith("|")]
    listed = [name for last in rows for name in re.findall(r"`([a-z-]+)`", last)]
    proofs = {p.name for p in (*TIDY_PROOFS, *PYTHON_PROOFS)} | set(BREACHES_IN_TYPES) | set(FORGERIES)
    assert sorted(listed) == sorted(proofs)
