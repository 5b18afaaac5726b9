# The project's commands. Each installs what it needs and may be run again at any time.
.PHONY: demo test bench lint docs certs fuzz

# The real gateway with sample media, members and a stranger; ARGS="--listen 127.0.0.1:9443 --state DIR"
demo:
	@.ci/packages
	@cargo build --release --quiet >&2
	@exec target/release/sluicegate demo $(ARGS)

# Every test: pure, black box against real peers, browser.
test:
	.ci/packages
	tests/peers/install
	cargo test --no-fail-fast

# Micro-benchmarks, then the side-by-side run with nginx and Envoy.
bench:
	.ci/packages
	tests/peers/install tools load envoy label-studio
	cargo bench
	cargo build --release
	benches/compare/run

lint:
	.ci/packages
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --quiet

# Rewrites the generated pages of docs/.
docs:
	.ci/packages
	UPDATE_DOCS=1 cargo test --test docs

certs:
	certs/make

# Each target for SECONDS (default 60).
fuzz:
	.ci/packages
	fuzz/run $(SECONDS)
