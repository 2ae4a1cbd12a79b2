"""The tidy checks by themselves: what they must see, and what they must let pass."""

from __future__ import annotations

import time
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

from .conftest import REPOSITORY


def source(tidy: ModuleType, here: str, text: str) -> object:
    return tidy.File(PurePosixPath(here), len(text), text)


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR Apache-2.0", True),
        ("MIT/Apache-2.0", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception OR MIT", True),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
        ("(MIT OR GPL-2.0) AND GPL-2.0", False),
        ("MIT AND (GPL-2.0 OR (ISC AND Zlib))", True),
        ("(MIT", False),
        ("MIT)", False),
        ("", False),
    ],
)
def test_licence_expressions(tidy: ModuleType, expression: str, allowed: bool) -> None:
    assert tidy.licence_allowed(expression) is allowed


class Installed(Distribution):
    """A distribution that is what it says."""

    def __init__(self, name: str, licence: str, requires: tuple[str, ...] = ()) -> None:
        needs = "".join(f"Requires-Dist: {r}\n" for r in requires)
        self._text = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1\nLicense-Expression: {licence}\n{needs}"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def test_a_licence_that_binds_is_found_however_deep(tidy: ModuleType) -> None:
    installed = [
        Installed("ours", "Apache-2.0", ("Fine_Library>=1", "plots>=2; extra == 'charts'")),
        Installed("fine-library", "BSD-3-Clause", ("deep[fast] (>=1)", "optional; extra == 'all'")),
        Installed("deep", "AGPL-3.0-only"),
        Installed("plots", "LGPL-3.0-only"),
        Installed("optional", "GPL-3.0-only"),
        Installed("bystander", "GPL-3.0-only"),
    ]
    findings = list(tidy.python_licences("ours", installed))
    assert [f.split(" is ")[0] for f in findings] == ["uv.lock: licence: deep"]


def test_twins_share_more_than_the_bound_of_the_smaller_file(tidy: ModuleType) -> None:
    telling = [f"value_number_{i} = compute({i})" for i in range(100)]

    def pair(shared: int, own: int) -> list[object]:
        other = telling[:shared] + [f"another_thing_{i} = derive({i})" for i in range(own)]
        return [source(tidy, "a.py", "\n".join(telling)), source(tidy, "b.py", "\n".join(other))]

    assert [f.split(": ")[1] for f in tidy.near_twins(pair(41, 10))] == ["near-twin"]
    assert list(tidy.near_twins(pair(40, 10))) == [], "80 % exactly is allowed"
    assert list(tidy.near_twins(pair(39, 0))) == [], "too small to be told"
    assert list(tidy.near_twins(pair(30, 70))) == []


def test_twins_are_not_made_by_imports_comments_and_crumbs(tidy: ModuleType) -> None:
    noise = (
        [f"from somewhere.far import name_{i}" for i in range(60)]
        + ["# the same long comment"] * 9
        + ["}", ")", "else:"] * 60
    )
    files = [source(tidy, name, "\n".join([*noise, f"own_value = {name!r}"])) for name in ("a.py", "b.py")]
    assert list(tidy.near_twins(files)) == []


def test_a_python_function_is_measured_without_its_docstring(tidy: ModuleType) -> None:
    body = "\n".join(f"    x = {i}" for i in range(67))
    fits = f'"""Idea."""\n\n\ndef f() -> None:\n    """First.\n\n    Last.\n    """\n{body}\n    y = 1\n    z = 2\n'
    assert list(tidy.python_syntax([source(tidy, "a.py", fits)])) == []
    (finding,) = tidy.python_syntax([source(tidy, "a.py", fits + "    w = 3\n")])
    assert finding == "a.py:4: long-function: `f` has 71 lines; at most 70"


def test_a_rust_declaration_without_a_body_is_no_function(tidy: ModuleType) -> None:
    lines = ["//! Idea.", "pub trait T {", "    fn asks(", "        &self,", "    ) -> u8;"]
    lines += ["    fn answers(&self) -> u8 {", *["        step();"] * 68, "    }", "}"]
    assert list(tidy.rust_functions([source(tidy, "a.rs", "\n".join(lines))])) == []
    lines.insert(6, "        step();")
    (finding,) = tidy.rust_functions([source(tidy, "a.rs", "\n".join(lines))])
    assert finding == "a.rs:6: long-function: `answers` has 71 lines; at most 70"


@pytest.mark.parametrize(
    ("call", "hidden"),
    [
        ("np.random.default_rng()", True),
        ("np.random.default_rng(None)", True),
        ("default_rng(seed=None)", True),
        ("np.random.default_rng(seed)", False),
        ("np.random.default_rng(seed=7)", False),
        ("frame.sample(10)", True),
        ("frame.sample(10, seed=seed)", False),
        ("rng.normal()", False),
    ],
)
def test_hidden_chance(tidy: ModuleType, call: str, hidden: bool) -> None:
    file = source(tidy, "python/tradewind/risk/a.py", f'"""Idea."""\n\nX = {call}\n')
    assert [": unseeded: " in f for f in tidy.python_syntax([file])] == ([True] if hidden else [])


@pytest.mark.parametrize(
    ("name", "line", "silenced"),
    [
        ("src/a.rs", "#[allow(clippy::unwrap_used)]", True),
        ("src/a.rs", '#[allow(clippy::unwrap_used, reason = "checked above")]', False),
        ("src/a.rs", '#![expect(missing_docs, reason = "later")]', True),
        ("tests/a.rs", "#![allow(clippy::unwrap_used)]", False),
        ("a.py", "x = 1  # noqa", True),
        ("a.py", "x = 1  # noqa: S301", True),
        ("a.py", "x = 1  # noqa: S301 - our own bytes", False),
        ("a.py", "x = 1  # noqa: S301, S311 - our own bytes", False),
        ("a.py", "x = f()  # type: ignore", True),
        ("a.py", "x = f()  # type: ignore[arg-type]", False),
    ],
)
def test_silences(tidy: ModuleType, name: str, line: str, silenced: bool) -> None:
    findings = list(tidy.words([source(tidy, name, line + "\n")]))
    assert [f.split(": ")[1] for f in findings] == (["silenced"] if silenced else [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see ../shared/data", False),
        ("in /usr/bin/env bash", False),
        ("https://example.org/root/page", False),
        ("under /" + "root/data", True),
        ("under /" + "home/me/data", True),
        ("under /" + "tmp/run", True),
        ("under /" + "Users/me/data", True),
    ],
)
def test_paths_of_one_machine(tidy: ModuleType, text: str, found: bool) -> None:
    assert bool(list(tidy.words([source(tidy, "docs/a.md", text)]))) is found


def test_a_module_that_only_a_test_imports_is_dead(tidy: ModuleType) -> None:
    files = [
        source(tidy, "pyproject.toml", '[project.scripts]\nx = "p.cli:main"\n'),
        source(tidy, "python/p/__init__.py", ""),
        source(tidy, "python/p/cli.py", "from p import used\n"),
        source(tidy, "python/p/used.py", ""),
        source(tidy, "python/p/tested.py", ""),
        source(tidy, "python/p/assets/page.css", ""),
        source(tidy, "tests/test_p.py", "from p import tested\n"),
    ]
    dead = [f.split(": ")[0] for f in tidy.dead_python(files)]
    assert dead == ["python/p/tested.py", "python/p/assets/page.css"]


def test_rust_files_are_declared_where_rust_looks(tidy: ModuleType) -> None:
    files = [
        source(tidy, "crates/a/src/lib.rs", "mod one;\nmod deep;\nmod desk;\n"),
        source(tidy, "crates/a/src/one.rs", ""),
        source(tidy, "crates/a/src/deep.rs", "mod inner;\n"),
        source(tidy, "crates/a/src/deep/inner.rs", ""),
        source(tidy, "crates/a/src/deep/one.rs", ""),
        source(tidy, "crates/a/tests/whole.rs", "mod desk;\n"),
        source(tidy, "crates/a/tests/desk/mod.rs", ""),
        source(tidy, "crates/a/tests/chair/mod.rs", ""),
        source(tidy, "crates/a/benches/core/main.rs", "mod depth;\n"),
        source(tidy, "crates/a/benches/core/depth.rs", ""),
        source(tidy, "crates/b/src/desk.rs", ""),
    ]
    dead = [f.split(": ")[0] for f in tidy.dead_rust(files)]
    assert dead == ["crates/a/src/deep/one.rs", "crates/a/tests/chair/mod.rs", "crates/b/src/desk.rs"]


def test_integration_must_be_shown_by_make_and_the_readme(tidy: ModuleType) -> None:
    files = [
        source(tidy, "Makefile", "check: ready ## Checks\nsecret:\n"),
        source(tidy, "README.md", "`make check`"),
        source(tidy, ".ci/run", "#!/bin/sh\nset -eu\nexport A=1\nmake check\nmake secret\nmake check && curl x\n"),
    ]
    assert [f.split(" is not ")[0] for f in tidy.integration(files)] == [
        ".ci/run:5: ci: `make secret`",
        ".ci/run:6: ci: `make check && curl x`",
    ]


def test_a_plain_copy_is_read_like_a_checkout(tidy: ModuleType, tmp_path: Path) -> None:
    for here in ("a.py", "target/debug/b.rs", ".venv/c.py", "python/x/__pycache__/d.pyc", "python/x/e.so"):
        path = tmp_path / here
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert [str(f.here) for f in tidy.tracked(tmp_path)] == ["a.py"]


def test_pure_crates_reach_pure_crates_alone_and_in_no_circle(tidy: ModuleType) -> None:
    for crate, edges in tidy.PURE.items():
        below = tidy.reach(crate, tidy.PURE) - {crate}
        assert edges <= set(tidy.PURE), f"{crate} may depend on a crate that is not pure"
        assert crate not in {e for b in below for e in tidy.PURE[b]}, f"{crate} is in a circle"


def test_the_whole_tree_takes_less_than_three_seconds(tidy: ModuleType) -> None:
    started = time.process_time()
    tidy.broken(REPOSITORY)
    assert time.process_time() - started < 3.0
