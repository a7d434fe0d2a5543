# The contrib image holds one program and nothing else: no shell to read VITRINE_BACKENDS with, nothing to check its health with, and
# no folder that its user may write. This adds those three.
FROM busybox:1.37.0-musl AS tools
RUN mkdir -p /data/collector

FROM otel/opentelemetry-collector-contrib:0.155.0
COPY --from=tools /bin/busybox /tools/busybox
COPY --from=tools --chown=10001:10001 /data /data
COPY compose/start-collector.sh compose/start-containers.sh /tools/
USER 10001
ENTRYPOINT ["/tools/busybox", "sh", "/tools/start-collector.sh", "/otelcol-contrib"]
