# The controller. RUN_IMAGE is yours to name: it must have git (2.36 or newer) on
# its PATH and certificate authorities, and needs nothing else, no shell either.
#
#   docker build --build-arg RUN_IMAGE=… --build-arg VERSION="$(git describe --tags --always)" -t drawbridge .
ARG BUILD_IMAGE=golang:1.26
ARG RUN_IMAGE

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd/drawbridge cmd/drawbridge
COPY internal internal
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X github.com/drawbridge-gitops/drawbridge/internal/cli.Version=${VERSION}" \
    -o /drawbridge ./cmd/drawbridge

FROM ${RUN_IMAGE}
COPY --from=build /drawbridge /usr/local/bin/drawbridge
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/drawbridge"]
CMD ["serve"]
