# One image with all programs of the product; compose.yaml says which container runs which.

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# The caches stay with the builder, so a change compiles what it touches; the programs leave the cache in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,sharing=locked \
    cargo build --release --locked \
        --bin configmgt-edge \
        --bin configmgt-users \
        --bin configmgt-callbacks \
        --bin configmgt-queue-dissuasion \
        --bin configmgt-meetingroom \
        --bin configmgt-migrate \
    && mkdir /programs \
    && find target/release -maxdepth 1 -type f -executable -name 'configmgt-*' -exec cp -t /programs {} +

FROM debian:bookworm-slim
# For servers outside this host, which are reached over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /programs/ /usr/local/bin/
# A number, so that nothing has to be added to /etc/passwd; the programs own no file.
USER 65532:65532
