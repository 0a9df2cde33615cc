# Two commands do all the set-up: `make demo` runs the main job, `make test` every test.
# Everything else is `cargo xtask help`.

.PHONY: demo test bench

demo:
	@./scripts/demo.sh

test:
	@./scripts/setup.sh
	@cargo xtask test

bench:
	@cargo xtask bench
