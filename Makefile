# The commands of the project. `make` alone lists them; each does all set-up it needs by itself.

SWIFT ?= swift
# Extra options, such as `make build BUILD=--jobs=1` or `make test TEST="--filter TablesTests"`.
BUILD ?=
TEST ?=
MARTLET := .build/release/martlet

.DEFAULT_GOAL := help
.PHONY: help bootstrap build demo test test-peers fuzz soak bench format lint bank clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## install Debian packages and pinned wheels (does nothing when they are there)
	@scripts/bootstrap

build: bootstrap ## build the release binary, .build/release/martlet
	@$(SWIFT) build -c release --product martlet $(BUILD)

demo: build ## from a million synthetic payments to a served feature; DEMO="--no-serve" ends after the proof
	@$(MARTLET) demo $(DEMO)

test: bootstrap ## build and run all tests; TEST="--filter NAME" runs some
	@scripts/test $(TEST)

test-peers: build ## what others (Feast's client, Python, Spark) read and call, checked with themselves
	@scripts/bootstrap --peers
	@scripts/test-peers

fuzz: bootstrap ## give what reads foreign bytes random ones; FUZZ="--seconds 600 event" longer, one target
	@scripts/fuzz $(FUZZ)

soak: build ## kill the server again and again under load and count what is lost; SOAK="--cdc --kills 50"
	@scripts/bootstrap --peers
	@scripts/soak $(SOAK)

bench: ## measure against the peers in one run; CASE=name runs one, e.g. CASE=windows
	@scripts/bootstrap --peers
	@bench/run $(CASE)

format: ## format all Swift source
	@$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests bench

lint: ## refuse source that `make format` would change
	@$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests bench

bank: build ## features and a training set of the real bank data: make bank BANK_DATA=DIR (see examples/bank)
	@test -n "$(BANK_DATA)" || { echo "make bank: say where the files are: make bank BANK_DATA=DIR" >&2; exit 2; }
	@examples/bank/run "$(MARTLET)" "$(BANK_DATA)"

clean: ## remove what was built; .deps stays (remove it by hand)
	@rm -rf .build .martlet bench/results bench/data examples/*/.martlet
