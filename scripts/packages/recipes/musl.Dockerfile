# A static program for any Linux, whatever its C library. From the root of the repository:
#   docker build -f scripts/packages/recipes/musl.Dockerfile --output . .
FROM rust:1.95-alpine AS build
# The versions are those of the image.
# hadolint ignore=DL3018
RUN apk add --no-cache musl-dev gcc
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin phaseshift --target "$(uname -m)-unknown-linux-musl" \
  && cp "target/$(uname -m)-unknown-linux-musl/release/phaseshift" /phaseshift \
  && /phaseshift demo /tmp/demo --yes

FROM scratch
COPY --from=build /phaseshift /phaseshift
