# One command each; continuous integration calls these and nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(HOME)/.cargo/bin:$(PATH)

SOURCES := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock pyproject.toml uv.lock scripts/setup

.PHONY: help setup demo test judges check format bench crosscheck storm kill clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.venv/.ready: $(SOURCES)
	@scripts/setup
	@touch $@

setup: .venv/.ready ## Install what is needed and build the native module

demo: .venv/.ready ## Walk-forward backtest through every stage; prints a report, writes report.html
	@tradewind backtest --html report.html

test: .venv/.ready ## The whole suite, Rust and Python
	cargo test --quiet --locked --workspace --exclude tradewind-native
	$(PY) -m pytest -n 2 --dist loadfile

judges: .venv/.ready ## Clients that others wrote against the emulated venues; rewrites docs/emulator-matrix.md
	JUDGES_WRITE=1 $(PY) -m pytest -n 2 --dist loadfile tests/judges

check: .venv/.ready ## Format, lint, types, layers, tidy
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets --keep-going -- -D warnings
	ruff format --check
	ruff check
	mypy
	lint-imports
	$(PY) tests/tidy.py

format: .venv/.ready ## Rewrite sources in the project's format
	cargo fmt --all
	ruff format
	ruff check --fix

bench: .venv/.ready ## Measure the core beside its yardstick, then the shared work beside other engines
	$(PY) benches/run.py
	$(PY) benches/peers/race.py
	$(PY) benches/live.py

# SEEDS="1 2 3" for others than the published one and two more.
crosscheck: .venv/.ready ## The shared work on other engines too, fill by fill, with the rule behind each difference
	$(PY) benches/peers/crosscheck.py $(if $(SEEDS),--seeds $(SEEDS))

# One seed is told when it fails; SEEDS=n raises that many from SEED (0 if not given) and stops at the first that fails.
storm: ## Seeded storms over the whole core: SEED=42 for one, SEEDS=10000 for many
	cargo run --quiet --release --locked -p tradewind-simulator --example storm -- $(or $(SEED),0) $(or $(SEEDS),$(if $(SEED),1,1000))

kill: .venv/.ready ## Kill a journal's writer 200 times; nothing acknowledged may be lost
	cargo test --locked -p tradewind-journal --test kill -- --ignored --exact --nocapture what_was_acknowledged_survives_200_kills

clean: ## Remove everything that was built here
	rm -rf target .venv .tools .mypy_cache .ruff_cache .pytest_cache report.html runs
