"""The repository's own rules, checked in seconds: `python tests/tidy.py [ROOT]`.

What a compiler or linter cannot see is here: which crate may depend on which, what may not be anywhere in a pure
crate's dependency closure, names that say nothing, files and functions that have grown past one reason to change,
variants made by copying, words that mean "unfinished", files nobody uses, links that lead nowhere, checks silenced
without a reason, licences that would bind us, dependencies without a floor. Each broken rule is one line:
`path:line: rule: what was found; what to do`. Exit 0 when tidy, 1 when not. `docs/decisions/0002-rails.md` lists every
rule and its proof.
"""

from __future__ import annotations

import ast
import gc
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, distributions
from itertools import combinations
from pathlib import Path, PurePosixPath

PURE = {
    "types": set(),
    "book": {"types"},
    "journal": {"types"},
    "limits": {"types"},
    "algos": {"book", "types"},
    "engine": {"algos", "limits", "book", "types"},
    "exchange": {"book", "types"},
    "simulator": {"engine", "exchange", "limits", "journal", "book", "types"},
    "venues": {"book", "limits", "types"},
}
NODE = {"engine", "simulator", "exchange", "venues", "limits", "journal", "book", "types"}
EMULATOR = {"exchange", "journal", "book", "types"}
TESTED_AGAINST = {"node": {"emulator"}}
"""Crates that only the tests of a crate may use: the node's storms run it against the emulator."""
ALLOWED_EDGES = PURE | {"node": NODE, "emulator": EMULATOR, "native": {*PURE, "node", "emulator"}}

BANNED_IN_PURE = {
    *("tokio", "async-std", "smol", "mio", "socket2", "hyper", "reqwest", "ureq", "crossbeam", "rayon"),
    *("chrono", "time", "jiff", "quanta", "minstant", "instant", "web-time", "coarsetime", "pyo3", "numpy"),
    *("getrandom", "rand", "fastrand", "oorandom", "uuid", "ahash", "hashbrown", "tempfile"),
}
BANNED_BY_CLIPPY = {
    "disallowed-methods": {"std::time::Instant::now", "std::time::SystemTime::now", "std::thread::sleep"},
    "disallowed-types": {"std::collections::HashMap", "std::collections::HashSet"},
}
NEVER_SILENCED = re.compile(r"disallowed_(methods|types)|missing_docs|unsafe_code|unused_must_use")

VAGUE_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base)$")
# The words are put together here, so that this file does not hold them.
MARKS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")
PROMISES = ("coming soon", "Coming soon", "COMING SOON", "not yet impl", "Not yet impl", "NOT YET IMPL")
# Each way to match opens with a letter of its own, and looks back after it: a search then skips to such letters.
UNFINISHED = re.compile(
    "|".join(
        (
            *(rf"{mark}(?<!\w{mark})\b" for mark in MARKS),
            *(rf"{promise}(?<!\w{promise})" for promise in PROMISES),
            *(r"todo!\(", r"unimplemented!\(", "NotImplementedError"),
        )
    )
)
PRIVATE_PATHS = re.compile(r"/(?<![\w./-]/)(work|root|home/\w+|tmp)/|/Users/\w+/|:(?<=[A-Z]:)\\\\?Users")
SILENCES = re.compile(r"#!?\[(?:allow|expect)\((?P<rust>.*)|#\s*(?P<noqa>noqa\b.*)|#\s*type: ignore(?P<ignored>.*)")

MAX_FUNCTION_LINES = 70
MAX_FILE_LINES = 600
MAX_TEST_FILE_LINES = 900
MAX_BYTES = 1_000_000
TWIN_SHARE = 0.80
TWIN_LINES = 40
"""Distinct telling lines below which two files are too small to be called twins."""

LICENCES = {
    *("MIT", "MIT-0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib"),
    *("Unicode-3.0", "Unlicense", "CC0-1.0", "BSL-1.0", "MPL-2.0", "0BSD"),
}
PYTHON_LICENCE_BAN = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)

NOT_SOURCE = {"target", ".venv", ".tools", "__pycache__", ".git", "runs", "report.html", ".hypothesis"}
NOT_SOURCE |= {f".{tool}_cache" for tool in ("mypy", "ruff", "pytest", "import_linter", "grimp")}

Finding = str


@dataclass(frozen=True)
class File:
    """A file of the tree: where it is below the root, its bytes as text (empty where it is not text)."""

    here: PurePosixPath
    size: int
    text: str

    @property
    def suffix(self) -> str:
        return self.here.suffix

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def syntax(self) -> ast.Module:
        """Of a Python file."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Of a Python file: every node of its syntax tree."""
        return list(ast.walk(self.syntax))

    @property
    def is_test(self) -> bool:
        return bool({"tests", "benches"} & set(self.here.parts))


def tracked(root: Path) -> list[File]:
    """Files under version control or about to be; in a plain copy of the tree, every file outside build folders."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
        found = [root / p for p in listed if p]
    else:
        found = [p for p in root.rglob("*") if not NOT_SOURCE & set(p.relative_to(root).parts) and p.suffix != ".so"]
    return [_read(root, path) for path in sorted(found) if path.is_file()]


def _read(root: Path, path: Path) -> File:
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = ""
    return File(PurePosixPath(path.relative_to(root).as_posix()), len(content), text)


def manifests(files: Iterable[File]) -> Iterator[tuple[str, File, dict]]:
    """Each crate's name, manifest file and content."""
    for file in files:
        if file.here.parts[0] == "crates" and file.here.name == "Cargo.toml":
            yield file.here.parent.name, file, tomllib.loads(file.text)


def declared(cargo: Mapping) -> dict[str, str]:
    """Every dependency a manifest declares, of any kind and for any platform: the name in the code → the package."""
    tables = [cargo, *cargo.get("target", {}).values()]
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    entries = [entry for table in tables for kind in kinds for entry in table.get(kind, {}).items()]
    return {name: said.get("package", name) if isinstance(said, dict) else name for name, said in entries}


def crate_edges(files: list[File]) -> Iterator[Finding]:
    """Dependencies between our crates are those of the design; a pure crate bans what would make it impure."""
    for name, file, cargo in manifests(files):
        if name not in ALLOWED_EDGES:
            yield f"{file.here}: new-crate: `{name}` is not in the design; write a decision record, then add it here"
            continue
        allowed = ALLOWED_EDGES[name]
        ours = {p.removeprefix("tradewind-") for p in declared(cargo).values() if p.startswith("tradewind-")}
        tested = {p.removeprefix("tradewind-") for p in cargo.get("dev-dependencies", {})} - {
            p.removeprefix("tradewind-") for p in cargo.get("dependencies", {})
        }
        ours -= tested & TESTED_AGAINST.get(name, set())
        for extra in sorted(ours - allowed):
            yield f"{file.here}: crate-graph: `{name}` may not depend on `{extra}` (allowed: {sorted(allowed)})"
        if cargo.get("lints", {}).get("workspace") is not True:
            yield f"{file.here}: lints: the workspace's lints do not apply; add `[lints] workspace = true`"
        if name in PURE:
            yield from clippy_bans(files, file.here.parent / "clippy.toml")


def clippy_bans(files: list[File], here: PurePosixPath) -> Iterator[Finding]:
    """A pure crate bans the clock and unordered maps, in its own clippy.toml."""
    settings = next((tomllib.loads(f.text) for f in files if f.here == here), {})
    for key, needed in BANNED_BY_CLIPPY.items():
        banned = {entry["path"] if isinstance(entry, dict) else entry for entry in settings.get(key, [])}
        for missing in sorted(needed - banned):
            yield f"{here}: purity: `{missing}` is not banned; add it to `{key}`"


def unused_dependencies(files: list[File]) -> Iterator[Finding]:
    """Every dependency of a crate is named in its code."""
    for name, file, cargo in manifests(files):
        code = (f.text for f in files if f.suffix == ".rs" and f.here.parts[:2] == ("crates", name))
        said = {word for text in code for word in re.findall(r"\w+", text)}
        for dependency in declared(cargo):
            if dependency.replace("-", "_") not in said:
                yield f"{file.here}: unused-dependency: no source of the crate names `{dependency}`; remove it"


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
    built, linked = (
        {
            node["id"]: [d["pkg"] for d in node["deps"] if any(k["kind"] in kinds for k in d["dep_kinds"])]
            for node in metadata["resolve"]["nodes"]
        }
        for kinds in ((None, "build"), (None,))
    )
    shipped: set[str] = set()
    for package in (i for i, n in names.items() if n.startswith("tradewind-")):
        shipped |= reach(package, built)
        crate = names[package].removeprefix("tradewind-")
        if crate in PURE:
            for bad in sorted({names[i] for i in reach(package, linked)} & BANNED_IN_PURE):
                yield f"crates/{crate}/Cargo.toml: purity: `{bad}` is in the dependency closure of a pure crate"
    for package in metadata["packages"]:
        said = package.get("license") or ""
        if package["id"] in shipped and not licence_allowed(said):
            who = f"{package['name']} {package['version']}"
            yield f"Cargo.lock: licence: {who} is `{said}`; allowed: {sorted(LICENCES)}"


def reach(start: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Everything reachable from `start`, itself included."""
    seen: set[str] = set()
    stack = [start]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(edges[node])
    return seen


def licence_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met from the allowed list alone. AND binds closer than OR; parentheses hold."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def any_of() -> bool:
        met = all_of()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = all_of() or met
        return met

    def all_of() -> bool:
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        if tokens and tokens[0] == "(":
            tokens.pop(0)
            met = any_of()
            return bool(tokens) and tokens.pop(0) == ")" and met
        name = []
        while tokens and tokens[0] not in ("AND", "OR", "(", ")"):
            name.append(tokens.pop(0))
        return " ".join(name) in LICENCES

    return any_of() and not tokens


def python_licences(project: str, installed: Iterable[Distribution]) -> Iterator[Finding]:
    """No installed runtime dependency of `project` is GPL or AGPL."""
    by_name = {_plain_name(d.name): d for d in installed}
    wanted: set[str] = set()
    stack = [project]
    while stack:
        name = _plain_name(stack.pop())
        if name in wanted or name not in by_name:
            continue
        wanted.add(name)
        asked = [r for r in by_name[name].requires or [] if "extra ==" not in r or name == project]
        stack.extend(re.split(r"[^\w.-]", r, maxsplit=1)[0] for r in asked)
    for name in sorted(wanted):
        meta = by_name[name].metadata
        classified = [c for c in meta.get_all("Classifier") or [] if c.startswith("License")]
        said = [s for s in (meta.get("License-Expression"), *classified) if s]
        if any(PYTHON_LICENCE_BAN.search(s) and "LGPL" not in s and "Lesser" not in s for s in said):
            yield f"uv.lock: licence: {name} is {said}; GPL and AGPL are not for us"


def _plain_name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def floors(files: list[File]) -> Iterator[Finding]:
    """Every direct Python dependency has a floor; both locks are committed."""
    by_path = {str(f.here): f for f in files}
    said = tomllib.loads(by_path["pyproject.toml"].text)
    groups = [
        said["build-system"]["requires"],
        said["project"]["dependencies"],
        *said["project"].get("optional-dependencies", {}).values(),
        *said.get("dependency-groups", {}).values(),
    ]
    # A group may include another one, which is judged by itself.
    for requirement in (r for group in groups for r in group if isinstance(r, str)):
        if not re.search(r">=|==", requirement):
            yield f"pyproject.toml: floors: `{requirement}` has no floor; add `>=`"
    for lock in ("uv.lock", "Cargo.lock"):
        if lock not in by_path:
            yield f"{lock}: locks: missing; commit it"


def names_and_sizes(files: list[File]) -> Iterator[Finding]:
    """Names that say what lives there; files of one reason to change; no blobs."""
    for file in files:
        for part in file.here.parts:
            if VAGUE_NAMES.search(part.split(".")[0]):
                yield f"{file.here}: naming: `{part}` says nothing of what lives there"
        if file.size > MAX_BYTES and file.suffix != ".lock":
            yield f"{file.here}: blob: {file.size} bytes; at most {MAX_BYTES}"
        if file.suffix in (".py", ".pyi", ".rs", ".js", ".css"):
            allowed = MAX_TEST_FILE_LINES if file.is_test else MAX_FILE_LINES
            if len(file.lines) > allowed:
                found = f"{len(file.lines)} lines; at most {allowed}"
                yield f"{file.here}: long-file: {found}: split it where its reasons to change part"


def words(files: list[File]) -> Iterator[Finding]:
    """Nothing unfinished, no path of one machine, no check silenced without a reason."""
    for file in (f for f in files if f.suffix != ".lock" and f.here.name not in ("tidy.py", "LICENSE")):
        asked = (UNFINISHED,) if file.is_test else (UNFINISHED, PRIVATE_PATHS, SILENCES)
        found = {pattern for pattern in asked if pattern.search(file.text)}
        if not found:
            continue
        for number, line in enumerate(file.lines, 1):
            place = f"{file.here}:{number}"
            if UNFINISHED in found and UNFINISHED.search(line):
                yield f"{place}: unfinished: `{line.strip()[:80]}`; finish it or take it out"
            if PRIVATE_PATHS in found and PRIVATE_PATHS.search(line):
                yield f"{place}: machine-path: `{line.strip()[:80]}`; say it relative to the repository"
            if SILENCES in found and file.suffix in (".py", ".rs") and (silence := SILENCES.search(line)):
                yield from unexplained(place, silence)


def unexplained(place: str, silence: re.Match[str]) -> Iterator[Finding]:
    """A silenced check says why; those that keep a crate pure, safe and documented are not silenced at all."""
    rust, noqa, ignored = silence["rust"], silence["noqa"], silence["ignored"]
    if rust is not None and NEVER_SILENCED.search(rust):
        yield f"{place}: silenced: `{rust.split(')')[0]}` may not be silenced outside tests and benches"
    elif rust is not None and "reason" not in rust:
        yield f'{place}: silenced: `{rust.split(")")[0]}` without `reason = "…"`'
    if noqa is not None and not re.match(r"noqa: [A-Z]+\d+(, ?[A-Z]+\d+)* +(- |— |\()", noqa):
        yield f"{place}: silenced: `{noqa}`; write `noqa: CODE - why`"
    if ignored is not None and not ignored.startswith("["):
        yield f"{place}: silenced: `type: ignore` without the code of what is ignored"


def python_syntax(files: list[File]) -> Iterator[Finding]:
    """What can be read off the syntax: ideas, function lengths, hidden chance, flags, and verbs among the nouns."""
    for file in (f for f in files if f.suffix == ".py" and f.text.strip()):
        if ast.get_docstring(file.syntax) is None:
            yield f"{file.here}:1: idea: the file does not open with a docstring that says what it is for"
        in_package = file.here.parts[:2] == ("python", "tradewind")
        for node in file.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from python_function(file, node)
            elif in_package and isinstance(node, ast.Call) and hidden_chance(node):
                said = ast.unparse(node.func)
                yield f"{file.here}:{node.lineno}: unseeded: `{said}` without a seed; chance is an argument"
        if in_package and file.here.name == "flow.py":
            for node in (n for n in file.syntax.body if isinstance(n, ast.FunctionDef)):
                yield f"{file.here}:{node.lineno}: nouns-only: `{node.name}` is a verb; it belongs to a stage"


def python_function(file: File, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Finding]:
    """At most 70 lines, the docstring not counted; no boolean by position in a public function of the package."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    place = f"{file.here}:{node.lineno}"
    if lines > MAX_FUNCTION_LINES:
        yield f"{place}: long-function: `{node.name}` has {lines} lines; at most {MAX_FUNCTION_LINES}"
    if file.here.parts[0] == "python" and not node.name.startswith("_"):
        for argument in (*node.args.posonlyargs, *node.args.args):
            if argument.annotation is not None and re.match(r"bool\b", ast.unparse(argument.annotation)):
                yield f"{place}: flag-argument: `{node.name}({argument.arg})`: a Literal or an enum says what it means"


def hidden_chance(call: ast.Call) -> bool:
    """A generator made without a seed, or a polars sample or shuffle without one."""
    function = call.func
    name = (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
    keywords = {k.arg: k.value for k in call.keywords}
    seeds = [*call.args[:1], *(v for k, v in keywords.items() if k in ("seed", "entropy"))]
    if name in ("default_rng", "SeedSequence", "PCG64", "Philox", "MT19937", "RandomState"):
        return not seeds or (isinstance(seeds[0], ast.Constant) and seeds[0].value is None)
    return name == "sample" and isinstance(function, ast.Attribute) and not {"seed", "random_state"} & set(keywords)


RUST_FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([^)]*\))?\s+)?(?:const\s+)?(?:async\s+)?fn\s+(\w+)")


def rust_functions(files: list[File]) -> Iterator[Finding]:
    """Functions of at most 70 lines (rustfmt closes one at its own indentation), files that open with `//!`."""
    for file in (f for f in files if f.suffix == ".rs" and f.text):
        if not file.text.startswith("//!"):
            yield f"{file.here}:1: idea: the file does not open with a `//!` comment that says what it is for"
        opened: tuple[str, str, int] | None = None
        for number, line in enumerate(file.lines, 1):
            if opened is None:
                found = RUST_FUNCTION.match(line)
                if found and not line.rstrip().endswith(("}", ";")):
                    opened = (found[1], found[2], number)
                continue
            indent, name, start = opened
            declared_only = line.startswith(f"{indent})") and line.endswith(";")
            if declared_only or line == f"{indent}}}":
                opened = None
                lines = 0 if declared_only else number - start + 1
                if lines > MAX_FUNCTION_LINES:
                    place = f"{file.here}:{start}"
                    yield f"{place}: long-function: `{name}` has {lines} lines; at most {MAX_FUNCTION_LINES}"


def imported(files: Iterable[File]) -> set[str]:
    """Every module that the Python files import, and every name they take from one, in full."""
    names: set[str] = set()
    for file in files:
        for node in file.nodes:
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def dead_python(files: list[File]) -> Iterator[Finding]:
    """Every module and asset of the package is used by the package itself, or is an entry point. A test is no user."""
    package = [f for f in files if f.here.parts[0] == "python"]
    scripts = tomllib.loads(next(f.text for f in files if str(f.here) == "pyproject.toml"))["project"]["scripts"]
    used = imported(f for f in package if f.suffix == ".py") | {s.split(":")[0] for s in scripts.values()}
    for file in package:
        module = ".".join(file.here.with_suffix("").parts[1:])
        if file.suffix == ".py" and file.here.name not in ("__init__.py", "__main__.py") and module not in used:
            yield f"{file.here}: dead-file: nothing in the package imports it"
        if file.suffix not in (".py", ".pyi", ".typed") and not any(
            file.here.name in f.text for f in package if f != file
        ):
            yield f"{file.here}: dead-file: nothing in the package names it"


def dead_rust(files: list[File]) -> Iterator[Finding]:
    """Every Rust file below `src`, and every module of a test, is declared by a `mod` where Rust looks for it."""
    by_path = {f.here: f.text for f in files if f.suffix == ".rs"}
    for here in by_path:
        folder, name = (here.parent.parent, here.parent.name) if here.name == "mod.rs" else (here.parent, here.stem)
        is_root = here.name in ("lib.rs", "main.rs", "build.rs") or folder.name in (
            "tests",
            "benches",
            "examples",
            "bin",
        )
        if is_root and here.name != "mod.rs":
            continue
        holders = [*(folder / f"{n}.rs" for n in ("lib", "main", "mod")), folder.parent / f"{folder.name}.rs"]
        if folder.name in ("tests", "benches"):
            holders += [p for p in by_path if p.parent == folder]
        if not any(re.search(rf"\bmod {name};", by_path.get(holder, "")) for holder in holders):
            yield f"{here}: dead-file: no `mod {name};` declares it"


def telling_lines(file: File) -> set[str]:
    """The lines that say something: no imports, comments, lone brackets or crumbs."""
    stripped = (line.strip() for line in file.lines)
    return {
        s for s in stripped if len(s) >= 12 and not s.startswith(("#", "//", "use ", "import ", "from ", "mod ", "/*"))
    }


def near_twins(files: list[File]) -> Iterator[Finding]:
    """No file is a variant of another by copying: at most 80 % of the smaller one's telling lines are in the larger."""
    sources = [f for f in files if f.suffix in (".py", ".rs", ".js", ".ts", ".css")]
    telling = {i: lines for i, f in enumerate(sources) if len(lines := telling_lines(f)) >= TWIN_LINES}
    holders: dict[str, list[int]] = {}
    for index, lines in telling.items():
        for line in lines:
            holders.setdefault(line, []).append(index)
    shared = Counter(pair for indices in holders.values() for pair in combinations(indices, 2))
    for (a, b), count in shared.items():
        share = count / min(len(telling[a]), len(telling[b]))
        if sources[a].suffix == sources[b].suffix and share > TWIN_SHARE:
            said = f"{share:.0%} of its {min(len(telling[a]), len(telling[b]))} telling lines are shared with"
            yield f"{sources[a].here}: near-twin: {said} {sources[b].here}; make one of them, with a small policy value"


def links(root: Path, files: list[File]) -> Iterator[Finding]:
    """Relative links in the documents lead somewhere."""
    for file in (f for f in files if f.suffix == ".md"):
        for number, line in enumerate(file.lines, 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                outside = "://" in target or target.startswith("mailto:")
                if not outside and not (root / file.here.parent / target).exists():
                    yield f"{file.here}:{number}: dead-link: {target}"


SHELL_ONLY = re.compile(r"(set -|cd |export |echo |SECONDS=)")


def integration(files: list[File]) -> Iterator[Finding]:
    """Continuous integration runs what the Makefile offers and the README tells, and nothing else."""
    by_path = {str(f.here): f.text for f in files}
    offered = set(re.findall(r"^([a-z]+):.*## ", by_path.get("Makefile", ""), re.MULTILINE))
    for number, line in enumerate(by_path.get(".ci/run", "").splitlines(), 1):
        code = line.strip()
        if not code or code.startswith("#") or SHELL_ONLY.match(code):
            continue
        target = re.fullmatch(r"make ([a-z]+)", code)
        if target is None or target[1] not in offered or code not in by_path.get("README.md", ""):
            yield f".ci/run:{number}: ci: `{code}` is not `make` with a target that `make help` and the README show"


@contextmanager
def uncollected() -> Iterator[None]:
    """Syntax trees stay to the end and hold no circles: the collector would walk all of them again and again."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


@uncollected()
def broken(root: Path) -> tuple[int, list[Finding]]:
    """How many files there are, and every broken rule."""
    files = tracked(root)
    project = tomllib.loads(next(f.text for f in files if str(f.here) == "pyproject.toml"))["project"]["name"]
    return len(files), [
        *crate_edges(files),
        *unused_dependencies(files),
        *closures(cargo_metadata(root)),
        *floors(files),
        *names_and_sizes(files),
        *words(files),
        *python_syntax(files),
        *rust_functions(files),
        *dead_python(files),
        *dead_rust(files),
        *near_twins(files),
        *links(root, files),
        *integration(files),
        *python_licences(project, distributions()),
    ]


def main(arguments: list[str]) -> int:
    """Prints every broken rule; 0 when there is none."""
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent).resolve()
    count, findings = broken(root)
    for finding in findings:
        print(finding)
    print(f"tidy: {count} files, {len(findings)} broken rules")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
