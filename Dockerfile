# syntax=docker/dockerfile:1

# The toolchain is the one rust-toolchain.toml pins: change both together.
FROM rust:1.95.0-slim-bookworm AS builder
# Cargo takes the image's own toolchain, rather than have rustup fetch the components that only development needs.
ENV RUSTUP_TOOLCHAIN=1.95.0 CARGO_TERM_COLOR=never
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked -p vitrine \
    && cp target/dist/vitrine /usr/local/bin/vitrine

FROM debian:bookworm-slim
# Stripe's certificate is checked against the system's roots.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 vitrine \
    && useradd --uid 10001 --gid vitrine --no-create-home --home-dir /data --shell /usr/sbin/nologin vitrine \
    && install -d -o vitrine -g vitrine -m 0700 /data
COPY --from=builder /usr/local/bin/vitrine /usr/local/bin/vitrine

ENV VITRINE_DATA_DIR=/data \
    VITRINE_LISTEN=0.0.0.0:4000 \
    VITRINE_ENVIRONMENT=production \
    VITRINE_LOG_FORMAT=json

USER 10001:10001
# The SQLite file and its key, uploads, and mail when no mail server is named.
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["vitrine", "healthcheck"]
ENTRYPOINT ["vitrine"]
CMD ["serve"]
