"""The repository's own rules, checked in seconds: `python tests/tidy.py [ROOT]`.

What a compiler or linter cannot see is here: which crate may depend on which, what may not be anywhere in a pure crate's
dependency closure, names that say nothing, files and functions that have grown past one reason to change, words that mean
"unfinished", files nobody uses, links that lead nowhere, licences that would bind us, dependencies without a floor. Each broken
rule is one line: `path:line: rule: what was found; what to do`. Exit 0 when tidy, 1 when not.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PURE = {
    "types": set(),
    "book": {"types"},
    "journal": {"types"},
    "limits": {"types"},
    "algos": {"book", "types"},
    "engine": {"algos", "limits", "book", "types"},
    "exchange": {"book", "types"},
    "simulator": {"engine", "exchange", "limits", "journal", "book", "types"},
}
ALLOWED_EDGES = PURE | {"native": set(PURE)}

BANNED_IN_PURE = {
    *("tokio", "async-std", "smol", "mio", "socket2", "hyper", "reqwest", "ureq"),
    *("chrono", "time", "jiff", "quanta", "minstant", "pyo3", "numpy"),
    *("getrandom", "rand", "fastrand", "ahash", "tempfile"),
}

VAGUE_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base)$")
UNFINISHED = re.compile(
    r"\b("
    + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])
    + r")\b|todo!\(|unimplemented!\(|NotImplementedError"
)
PRIVATE_PATHS = re.compile(r"(?<![\w./-])/(work|root|home/\w+|tmp)/|/Users/\w+/")

MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 600
MAX_TEST_FILE_LINES = 900
MAX_BYTES = 1_000_000

LICENCES = {
    *("MIT", "MIT-0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib"),
    *("Unicode-3.0", "Unlicense", "CC0-1.0", "BSL-1.0", "MPL-2.0", "0BSD"),
}
PYTHON_LICENCE_BAN = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)

Finding = str


def tracked(root: Path) -> list[Path]:
    """Files under version control or about to be; in a plain copy of the tree, every file outside build folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and (root / ".git").exists():
        return [root / p for p in listed.stdout.decode().split("\0") if p and (root / p).is_file()]
    skip = {
        "target",
        ".venv",
        ".tools",
        "__pycache__",
        ".git",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
    }
    return [
        p for p in root.rglob("*") if p.is_file() and not skip & set(p.relative_to(root).parts) and p.suffix != ".so"
    ]


def crate_edges(root: Path) -> Iterator[Finding]:
    """Direct dependencies between our crates are those of ARCHITECTURE.md."""
    for manifest in sorted((root / "crates").glob("*/Cargo.toml")):
        name = manifest.parent.name
        here = manifest.relative_to(root)
        if name not in ALLOWED_EDGES:
            yield f"{here}: new-crate: `{name}` is not in the design; write a decision record, then add it here"
            continue
        cargo = tomllib.loads(manifest.read_text())
        used = {d.removeprefix("tradewind-") for d in cargo.get("dependencies", {}) if d.startswith("tradewind-")}
        for extra in sorted(used - ALLOWED_EDGES[name]):
            yield f"{here}: crate-graph: `{name}` may not depend on `{extra}` (allowed: {sorted(ALLOWED_EDGES[name])})"
        if cargo.get("lints", {}).get("workspace") is not True:
            yield f"{here}: lints: needs `[lints] workspace = true`"
        if name in PURE:
            yield from clippy_bans(root, name)


def clippy_bans(root: Path, name: str) -> Iterator[Finding]:
    """A pure crate bans the clock and unordered maps, in its own clippy.toml."""
    path = root / "crates" / name / "clippy.toml"
    if not path.is_file():
        yield f"crates/{name}/clippy.toml: purity: missing"
        return
    text = path.read_text()
    for needed in ("Instant::now", "SystemTime::now", "collections::HashMap", "collections::HashSet"):
        if needed not in text:
            yield f"crates/{name}/clippy.toml: purity: must ban `{needed}`"


def cargo_metadata(root: Path) -> dict:
    """The resolved dependency graph, without touching the network."""
    command = ["cargo", "metadata", "--format-version", "1", "--offline"]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"tidy: `{' '.join(command)}` failed; run `make setup` first\n{ran.stderr}")
    return json.loads(ran.stdout)


def closures(metadata: dict) -> Iterator[Finding]:
    """Nothing banned anywhere below a pure crate, and no licence that would bind us."""
    names = {p["id"]: p["name"] for p in metadata["packages"]}
    below = {
        node["id"]: [d["pkg"] for d in node["deps"] if any(k["kind"] in (None, "build") for k in d["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    normal = {
        node["id"]: [d["pkg"] for d in node["deps"] if any(k["kind"] is None for k in d["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    shipped: set[str] = set()
    for package in (i for i, n in names.items() if n.startswith("tradewind-")):
        shipped |= reach(package, below)
        crate = names[package].removeprefix("tradewind-")
        if crate in PURE:
            for bad in sorted({names[i] for i in reach(package, normal)} & BANNED_IN_PURE):
                yield f"crates/{crate}/Cargo.toml: purity: `{bad}` is in the dependency closure of a pure crate"
    for package in metadata["packages"]:
        if package["id"] in shipped and not licence_allowed(package.get("license") or ""):
            yield f"Cargo.lock: licence: {package['name']} {package['version']} is `{package.get('license')}`; allowed: {sorted(LICENCES)}"


def reach(start: str, edges: dict[str, list[str]]) -> set[str]:
    """Everything reachable from `start`, itself included."""
    seen, stack = set(), [start]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(edges[node])
    return seen


def licence_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met from the allowed list alone."""
    text = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ")
    choices = [
        [part.strip() for part in re.split(r"\bAND\b", option)]
        for option in re.split(r"\bOR\b", text.replace("(", "").replace(")", ""))
    ]
    return any(all(" ".join(part.split()) in LICENCES for part in option) for option in choices)


def python_licences() -> Iterator[Finding]:
    """No installed runtime dependency is GPL or AGPL."""
    from importlib.metadata import distribution, distributions

    wanted, stack = set(), ["tradewind"]
    installed = {re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower() for d in distributions()}
    while stack:
        name = re.sub(r"[-_.]+", "-", stack.pop()).lower()
        if name in wanted or name not in installed:
            continue
        wanted.add(name)
        stack.extend(
            re.match(r"[\w.-]+", r).group()
            for r in distribution(name).requires or []
            if "extra ==" not in r or name == "tradewind"
        )
    for name in sorted(wanted):
        meta = distribution(name).metadata
        said = [
            meta.get("License-Expression") or "",
            *(c for c in meta.get_all("Classifier") or [] if c.startswith("License")),
        ]
        if any(PYTHON_LICENCE_BAN.search(s) and "LGPL" not in s and "Lesser" not in s for s in said):
            yield f"uv.lock: licence: {name} is {said}; GPL and AGPL are not for us"


def floors(root: Path) -> Iterator[Finding]:
    """Every direct Python dependency has a floor; both locks are committed."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    for requirement in (r for group in groups for r in group):
        if not re.search(r"(>=|==)", requirement):
            yield f"pyproject.toml: floors: `{requirement}` has no floor"
    for lock in ("uv.lock", "Cargo.lock"):
        if not (root / lock).is_file():
            yield f"{lock}: locks: missing; commit it"


def names_and_sizes(root: Path, files: list[Path]) -> Iterator[Finding]:
    """Names that say what lives there; files of one reason to change; no blobs."""
    for path in files:
        here = path.relative_to(root)
        for part in here.parts:
            if VAGUE_NAMES.search(part.split(".")[0]):
                yield f"{here}: naming: `{part}` says nothing of what lives there"
        if path.stat().st_size > MAX_BYTES and path.name not in ("uv.lock", "Cargo.lock"):
            yield f"{here}: blob: {path.stat().st_size} bytes; at most {MAX_BYTES}"
        if path.suffix in (".py", ".rs"):
            lines = path.read_text().count("\n") + 1
            allowed = MAX_TEST_FILE_LINES if "tests" in here.parts or "benches" in here.parts else MAX_FILE_LINES
            if lines > allowed:
                yield f"{here}: long-file: {lines} lines; at most {allowed}: split it where its reasons to change part"


def words(root: Path, files: list[Path]) -> Iterator[Finding]:
    """Nothing unfinished, no path of one machine."""
    for path in files:
        here = path.relative_to(root)
        if path.suffix not in (".py", ".rs", ".md", ".toml", ".sh", ".txt", "") or path.name in ("tidy.py", "LICENSE"):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                yield f"{here}:{number}: unfinished: `{line.strip()[:80]}`"
            if PRIVATE_PATHS.search(line) and "tests" not in here.parts:
                yield f"{here}:{number}: machine-path: `{line.strip()[:80]}`"


def python_functions(root: Path, files: list[Path]) -> Iterator[Finding]:
    """Python functions of at most 70 lines, docstring not counted, and modules that open with their idea."""
    for path in (p for p in files if p.suffix == ".py"):
        here = path.relative_to(root)
        tree = ast.parse(path.read_text())
        if tree.body and ast.get_docstring(tree) is None:
            yield f"{here}:1: idea: the file does not open with a docstring that says what it is for"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                doc = node.body[0] if ast.get_docstring(node) is not None else None
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                length -= (doc.end_lineno - doc.lineno + 1) if doc is not None and doc.end_lineno else 0
                if length > MAX_FUNCTION_LINES:
                    yield f"{here}:{node.lineno}: long-function: `{node.name}` has {length} lines; at most {MAX_FUNCTION_LINES}"


RUST_FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([^)]*\))?\s+)?(?:const\s+)?(?:async\s+)?fn\s+(\w+)")


def rust_functions(root: Path, files: list[Path]) -> Iterator[Finding]:
    """Rust functions of at most 70 lines (rustfmt closes a function at its own indentation), files that open with `//!`."""
    for path in (p for p in files if p.suffix == ".rs"):
        here = path.relative_to(root)
        lines = path.read_text().splitlines()
        if lines and not lines[0].startswith("//!"):
            yield f"{here}:1: idea: the file does not open with a `//!` comment that says what it is for"
        opened: tuple[str, str, int] | None = None
        for number, line in enumerate(lines, 1):
            if opened is None and (found := RUST_FUNCTION.match(line)):
                if not line.rstrip().endswith(("}", ";")):
                    opened = (found[1], found[2], number)
            elif opened is not None and line == f"{opened[0]}}}":
                if number - opened[2] + 1 > MAX_FUNCTION_LINES:
                    yield f"{here}:{opened[2]}: long-function: `{opened[1]}` has {number - opened[2] + 1} lines; at most {MAX_FUNCTION_LINES}"
                opened = None


def dead_modules(root: Path, files: list[Path]) -> Iterator[Finding]:
    """Every Python module is imported by another, or is an entry point; every Rust file is declared by a `mod`."""
    package = root / "python" / "tradewind"
    sources = {p: p.read_text() for p in files if p.suffix == ".py"}
    for path in (p for p in sources if package in p.parents and p.name not in ("__init__.py", "__main__.py", "cli.py")):
        module = path.stem
        mention = re.compile(
            rf"(from|import)\s+[\w.]*\b{module}\b|import\s+[\w, ]*\b{module}\b|from\s+[\w.]+\s+import\s+[(\w, \n]*\b{module}\b"
        )
        if not any(mention.search(text) for other, text in sources.items() if other != path):
            yield f"{path.relative_to(root)}: dead-file: nobody imports it"
    rust = {
        p: p.read_text() for p in files if p.suffix == ".rs" and p.parent.name != "tests" and "benches" not in p.parts
    }
    for path in (
        p for p in rust if p.name not in ("lib.rs", "main.rs", "mod.rs", "build.rs") and "examples" not in p.parts
    ):
        siblings = [t for p, t in rust.items() if p != path and p.is_relative_to(path.parent.parent)]
        if not any(re.search(rf"\bmod {path.stem};", text) for text in siblings):
            yield f"{path.relative_to(root)}: dead-file: no `mod {path.stem};` declares it"


def links(root: Path, files: list[Path]) -> Iterator[Finding]:
    """Relative links in the documents lead somewhere."""
    for path in (p for p in files if p.suffix == ".md"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                    yield f"{path.relative_to(root)}:{number}: dead-link: {target}"


def main(arguments: list[str]) -> int:
    """Prints every broken rule; 0 when there is none."""
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent).resolve()
    files = tracked(root)
    findings = [
        *crate_edges(root),
        *closures(cargo_metadata(root)),
        *floors(root),
        *names_and_sizes(root, files),
        *words(root, files),
        *python_functions(root, files),
        *rust_functions(root, files),
        *dead_modules(root, files),
        *links(root, files),
        *python_licences(),
    ]
    for finding in findings:
        print(finding)
    print(f"tidy: {len(files)} files, {len(findings)} broken rules")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
