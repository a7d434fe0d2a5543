import { type Release, releases } from './servers/releases.ts';

/**
 * The real servers, each pinned by a small Go module of its own (go.mod and a complete go.sum in
 * `folder`). promtool, amtool and the like share their server's module and are built only when
 * something asks for them.
 */
export type Server = {
  title: string;
  /** The Go module, from the root of the checkout. */
  folder: string;
  packages: readonly string[];
  tags: string;
  /** What the build leaves in its folder: one binary a package, in the same order. */
  binaries: readonly string[];
  version: string;
  /** The Go variable that the linker writes the version into; '' where the sources have it. */
  versionVariable: string;
  /** What makes the binary say its version. */
  versionArguments: readonly string[];
  /**
   * CPU seconds of a build with nothing cached, for the order of builds and the estimate of a start.
   * See bench/LOG.md.
   */
  coldBuildSeconds: number;
  /** What its makers publish; without it the server is always built. */
  release?: Release;
  /** What else it may be called on the PATH. */
  otherNames?: readonly string[];
  /** A server that is made of parts has to have those that its manifest names. */
  parts?: { listedBy: readonly string[]; manifest: string };
};

export const servers = {
  collector: {
    title: 'OpenTelemetry Collector',
    folder: 'otel-collector/server',
    packages: ['.'],
    tags: '',
    binaries: ['otelcol'],
    version: '0.155.0',
    versionVariable: '',
    versionArguments: ['--version'],
    coldBuildSeconds: 180,
    release: releases.collector,
    otherNames: ['otelcol-contrib'],
    parts: { listedBy: ['components'], manifest: 'manifest.yaml' },
  },
  alertmanager: {
    title: 'Alertmanager',
    folder: 'alertmanager/server',
    packages: ['github.com/prometheus/alertmanager/cmd/alertmanager'],
    tags: '',
    binaries: ['alertmanager'],
    version: '0.28.1',
    versionVariable: 'github.com/prometheus/common/version.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 60,
    release: releases.alertmanager,
  },
  prometheus: {
    title: 'Prometheus',
    folder: 'prometheus/server',
    packages: ['github.com/prometheus/prometheus/cmd/prometheus'],
    tags: 'remove_all_sd', // Leaves the service-discovery plug-ins out: 1.6 minutes instead of 5.5.
    binaries: ['prometheus'],
    version: '3.15.0',
    versionVariable: 'github.com/prometheus/common/version.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 170,
    release: releases.prometheus,
  },
  tempo: {
    title: 'Tempo',
    folder: 'tempo/server',
    packages: ['github.com/grafana/tempo/cmd/tempo'],
    tags: '',
    binaries: ['tempo'],
    version: '2.8.0-87c2dc380cec', // The commit after 2.8.0-rc.0 that the module proxy serves; compose pins the 2.8 image.
    versionVariable: 'main.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 300,
    release: releases.tempo,
  },
  loki: {
    title: 'Loki',
    folder: 'loki/server',
    packages: ['github.com/grafana/loki/v3/cmd/loki'],
    tags: '',
    binaries: ['loki'],
    version: '3.7.8',
    versionVariable: 'github.com/grafana/loki/v3/pkg/util/build.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 400,
    release: releases.loki,
  },
  victoriametrics: {
    title: 'VictoriaMetrics',
    folder: 'victoriametrics/server',
    // vmalert evaluates the rules, which VictoriaMetrics itself does not.
    packages: [
      'github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics',
      'github.com/VictoriaMetrics/VictoriaMetrics/app/vmalert',
    ],
    tags: '',
    binaries: ['victoria-metrics', 'vmalert'],
    version: '1.151.0',
    versionVariable: 'github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 120,
  },
  victorialogs: {
    title: 'VictoriaLogs',
    folder: 'victorialogs/server',
    packages: ['github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs'],
    tags: '',
    binaries: ['victoria-logs'],
    version: '1.52.1',
    versionVariable: 'github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 90,
  },
  jaeger: {
    title: 'Jaeger',
    folder: 'jaeger/server',
    packages: ['github.com/jaegertracing/jaeger/cmd/jaeger'],
    tags: '',
    binaries: ['jaeger'],
    version: '1.76.0',
    versionVariable: 'github.com/jaegertracing/jaeger/internal/version.latestVersion',
    versionArguments: ['version'],
    coldBuildSeconds: 400,
  },
  queueReader: {
    title: 'queue-reader',
    folder: 'otel-collector/queue-reader',
    packages: ['.'],
    tags: '',
    binaries: ['queue-reader'],
    version: '1.5.0', // bbolt's, the same as the Collector's: it writes the queues.
    versionVariable: 'main.version',
    versionArguments: ['--version'],
    coldBuildSeconds: 10,
  },
  promtool: {
    title: 'promtool',
    folder: 'prometheus/server',
    packages: ['github.com/prometheus/prometheus/cmd/promtool'],
    tags: 'remove_all_sd',
    binaries: ['promtool'],
    version: '3.15.0',
    versionVariable: 'github.com/prometheus/common/version.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 170,
    release: releases.promtool,
  },
  amtool: {
    title: 'amtool',
    folder: 'alertmanager/server',
    packages: ['github.com/prometheus/alertmanager/cmd/amtool'],
    tags: '',
    binaries: ['amtool'],
    version: '0.28.1',
    versionVariable: 'github.com/prometheus/common/version.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 60,
    release: releases.amtool,
  },
  kustomize: {
    title: 'kustomize',
    folder: 'deploy/kubernetes/kustomize',
    packages: ['sigs.k8s.io/kustomize/kustomize/v5'],
    tags: '',
    binaries: ['kustomize'],
    version: '5.8.0',
    versionVariable: 'sigs.k8s.io/kustomize/api/provenance.version',
    versionArguments: ['version'],
    coldBuildSeconds: 30,
  },
} as const satisfies Record<string, Server>;

/** The Go that builds all of them: what the most demanding module asks for. */
export const goVersionMin = '1.26.6';

export type ServerName = keyof typeof servers;
