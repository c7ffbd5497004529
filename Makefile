# SPDX-License-Identifier: BSD-2-Clause
# A thin front of Meson: every target is one or two commands, all real knowledge is in meson.build.

PREFIX      ?= /usr/local
DESTDIR     ?=
BUILD       ?= build
MESON       ?= tools/meson
MESON_FLAGS ?=
TEST_FLAGS  ?=
# DEPS=no: build and test with what is installed, call no package manager.
DEPS        ?= yes

CONFDIR  ?= /etc/softhsm
TOKENDIR ?= /var/lib/softhsm/tokens

MODULE = $(BUILD)/src/module/libkeykist.so
UTIL   = $(BUILD)/src/cli/softhsm2-util
VENV   = build-venv

sources = $(shell git ls-files -co --exclude-standard 'src/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' 'fuzz/*.[ch]')

.DEFAULT_GOAL := build
.PHONY: build deps configure venv demo check check-clients check-clients-all soak mutants install lint asan tsan cov bench bench-table \
        scale instructions fuzz mechanisms dist deb sbom check-packages book fmt clean help

build: configure ## compile the module and the programs into build/ (the default)
	$(MESON) compile -C $(BUILD)

deps: ## install the packages needed to build and test (Debian, Ubuntu); says which
ifneq ($(DEPS),no)
	@tools/deps.sh
endif

configure: deps
	@tools/configure.sh $(BUILD) -Dprefix=$(PREFIX) -Dlibdir=lib -Dconfdir=$(CONFDIR) \
	  -Dtokendir=$(TOKENDIR) $(MESON_FLAGS)

venv: deps
	@tools/venv.sh $(VENV)

demo: build venv ## the walkthrough of a first hour, each command with its real output, compared
	@tests/demo/run.sh --module $(MODULE) --util $(UTIL) --python $(VENV)/bin/python3

check: build venv ## build, then run every test
	$(MESON) test -C $(BUILD) --no-rebuild --print-errorlogs $(TEST_FLAGS)

check-clients: build venv ## the tests with real clients, none of them skipped; a table at the end
	@tools/deps.sh clients
	$(MESON) test -C $(BUILD) --no-rebuild --print-errorlogs --setup clients \
	  --suite clients --suite clients-core $(TEST_FLAGS); ended=$$?; \
	  tools/clients_table.py $(BUILD) clients && exit $$ended

check-clients-all: build venv ## the same with every client there is; what is not installed is skipped
	@tools/deps.sh clients clients-all
	$(MESON) test -C $(BUILD) --no-rebuild --print-errorlogs --setup clientsall \
	  --suite clients --suite clients-core --suite clients-more $(TEST_FLAGS); ended=$$?; \
	  tools/clients_table.py $(BUILD) clientsall && exit $$ended

MINUTES ?= 10
soak: build ## the fault tests, long: all once, then again until MINUTES (10) are over; says what it counted
	@tests/fault/soak.sh $(BUILD) $(MINUTES)

mutants: build ## the conformance runner against every spoilt module; make check tries a third of them
	KEYKIST_LONG_TESTS=1 $(MESON) test -C $(BUILD) --no-rebuild --print-errorlogs -t 3 mutants

install: build ## install below PREFIX, default /usr/local (and DESTDIR, for packagers)
	DESTDIR=$(DESTDIR) $(MESON) install -C $(BUILD) --no-rebuild
	@tools/install_state.sh "$(DESTDIR)$(CONFDIR)" "$(DESTDIR)$(TOKENDIR)" "$(TOKENDIR)"

lint: configure ## the layer rule, simple mistakes, headers, spec citations, format, clang-tidy
	@tools/lint.sh $(BUILD)

# The mutants test the conformance runner, not the module: once is enough.
asan: deps venv ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/configure.sh build-asan -Db_sanitize=address,undefined -Db_lundef=false $(MESON_FLAGS)
	$(MESON) compile -C build-asan
	tools/sanitized.sh $(MESON) test -C build-asan --no-rebuild --print-errorlogs \
	  --no-suite mutants --no-suite lint $(TEST_FLAGS)

tsan: deps ## the unit, conformance and thread tests under ThreadSanitizer
	@tools/configure.sh build-tsan -Db_sanitize=thread -Db_lundef=false -Dchecks=true $(MESON_FLAGS)
	$(MESON) compile -C build-tsan
	tools/sanitized.sh $(MESON) test -C build-tsan --no-rebuild --print-errorlogs \
	  --suite unit --suite module --suite threads --suite conformance $(TEST_FLAGS)

cov: deps venv ## line coverage of the tests, printed
	@tools/deps.sh cov
	@tools/configure.sh build-cov -Db_coverage=true $(MESON_FLAGS)
	$(MESON) compile -C build-cov
	$(MESON) test -C build-cov --no-rebuild $(TEST_FLAGS)
	gcovr -r . --object-directory build-cov --filter src/ --print-summary

bench: build ## the benchmark beside raw OpenSSL, and beside SoftHSM where it is installed
	$(MESON) test -C $(BUILD) --no-rebuild --benchmark --verbose

bench-table: build ## the table of docs/performance.md in Markdown, for this machine (BENCH_FLAGS='--cpu-time')
	@$(BUILD)/bench/keykist-bench --module $(MODULE) --softhsm --markdown --rounds 5 $(BENCH_FLAGS)

instructions: build ## count the instructions of the hot path anew, for this compiler
	$(MESON) compile -C $(BUILD) instructions

COUNT = 1000000
scale: build ## a sealed token with COUNT (a million) keys: made, opened, used, checked, deleted
	bench/scale.sh $(BUILD) $(COUNT)

SECONDS = 60
fuzz: deps ## each fuzz target for SECONDS (60) with libFuzzer; needs clang
	@tools/deps.sh ci
	fuzz/run.sh $(SECONDS)

mechanisms: build ## write docs/mechanisms.md anew, from the registry
	$(BUILD)/tests/reference/mechanism_table tests/vectors > docs/mechanisms.md.new
	mv docs/mechanisms.md.new docs/mechanisms.md

dist: ## the source archive of the last commit, into build-packages/; the same bytes each time
	@tools/dist.sh build-packages

deb: dist ## Debian packages of the last commit, into build-packages/ (packaging/debian)
	@tools/deb.sh "$$(tools/dist.sh build-packages)" build-packages

sbom: build ## the bill of materials of what was built (CycloneDX): $(BUILD)/keykist.cdx.json
	tools/sbom.py $(BUILD) > $(BUILD)/keykist.cdx.json

SUITES = bookworm trixie
check-packages: ## the packages in fresh Debian SUITES: built twice, lintian, over SoftHSM and back (root)
	tests/packages/run.sh $(SUITES)

book: ## the documents as a book, with mdBook, in build-book/html
	@tools/book.sh build-book

fmt: ## format the C files in place
	clang-format-19 -i $(sources)

clean: ## remove what was built
	rm -rf build build-asan build-tsan build-cov build-fuzz build-book build-ci-* build-venv

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | expand -t 16
