# The commands a person or the build service gives. Every target works from a clean clone.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# rustup installs here; the tools of scripts/install-tools.sh lie in target/tools; daemons in /usr/sbin.
export PATH := $(HOME)/.cargo/bin:$(CURDIR)/target/tools/bin:$(CURDIR)/target/tools/fuzz/bin:$(PATH):/usr/sbin

.PHONY: help run test overload check bench audio-quality fuzz web format

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/'

run: ## the demo city on this machine: phones, desks, simulated citizens; Ctrl-C ends it
	@scripts/install-tools.sh run
	$(MAKE) web
	cargo run --quiet -- demo

test: ## everything the build service runs
	@scripts/install-tools.sh test
	$(MAKE) web
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo deny check bans licenses sources
	cargo test --lib --bins --test tidy --test fuzz_corpus --test it
	cargo test --doc
	promtool check rules packaging/prometheus/alerts.yml
	promtool test rules packaging/prometheus/alerts.test.yml
	scripts/end-to-end.sh
	cd web && npm run check && npm test

overload: ## twice the capacity for a minute: refusals are 503, admitted calls are untouched; SECONDS=n
	@scripts/install-tools.sh test
	$(MAKE) web
	RINGBACK_OVERLOAD_SECS=$(or $(SECONDS),60) cargo test --test e2e abuse::twice_the_capacity

check: ## the quick look before a commit: format, lints, layers, unit tests; no calls are placed
	@$(MAKE) web
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test --lib --test tidy

bench: ## what a bridged, recorded call costs, whole processes, release build; CALLS=n SECONDS=n ONLY=floor|bridged|unrecorded|ivr|beside|rate|sipp|crash|plateau|hour|board, or city with CASES=n, or incident with CALLERS=n, or verify with CASES=n HOURS=n
	@scripts/install-tools.sh $(if $(filter sipp,$(ONLY)),test,run)
	$(MAKE) web
	cargo bench --bench $(if $(filter city incident verify,$(ONLY)),city,calls)

# What is found new stays in target/fuzz; a find worth keeping is minimised (cargo fuzz tmin) and put into fuzz/corpus.
fuzz: ## feeds each parser and machine with hostile input for a minute; SECONDS=n
	@scripts/install-tools.sh fuzz
	for target in $$(ls fuzz/corpus); do
		mkdir -p target/fuzz/$$target
		cargo +nightly fuzz run --sanitizer none --target-dir target/fuzz-build $$target target/fuzz/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(or $(SECONDS),60) -max_len=4096 -timeout=10
	done

audio-quality: ## what the far end hears, scored by PESQ for every pair of codecs and several losses; docs/audio-quality.md
	@scripts/install-tools.sh audio
	PYTHONPATH=target/tools/pesq python3 scripts/audio_quality.py

format: ## formats the Rust sources
	cargo fmt


# The pages are embedded into the binary, so they are built before cargo runs. npm writes
# node_modules/.package-lock.json last; Vite writes dist/index.html last.
web: web/dist/index.html ## the pages, when their sources changed

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web -name node_modules -prune -o -name dist -prune -o -type f -print 2>/dev/null)
	cd web && npm run build
	touch dist/index.html
