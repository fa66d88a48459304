# List the recipes.
default:
    @just --list --unsorted

# Format.
fmt:
    cargo fmt --all

# Check the format and the lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Test.
test *arguments:
    cargo test --workspace --locked {{arguments}}

# Start the product on private servers.
run:
    cargo run --locked

# Make the offline data of the SQL queries anew; `just sql --check` only compares.
sql *arguments:
    cargo run --locked --package configmgt-stack --bin sqlx-data -- {{arguments}}

# Measure the product beside a monolith and pgbench; `just bench growth`, `services`, `lag`, `flood`, `import`, `load`, `check`.
bench *arguments:
    cargo run --release --locked --package configmgt-benchmarks -- {{arguments}}

# Check licences, sources, banned crates and known vulnerabilities.
deny:
    cargo deny check

# The whole check.
ci:
    bash .ci/run
