/**
 * The real servers, each pinned by a small Go module of its own (go.mod and a complete go.sum in `folder`).
 * promtool, amtool and the like share their server's module and are built only when something asks for them.
 */
export type Server = {
  title: string;
  /** The Go module, from the root of the checkout. */
  folder: string;
  packages: readonly string[];
  tags: string;
  /** What the build leaves in its folder: one binary a package, in the same order. */
  binaries: readonly string[];
  versionArguments: readonly string[];
  /** CPU seconds of a build with nothing cached: builds that wait for each other go in this order. See bench/LOG.md. */
  coldBuildSeconds: number;
};

export const servers = {
  collector: {
    title: 'OpenTelemetry Collector',
    folder: 'otel-collector/server',
    packages: ['.'],
    tags: '',
    binaries: ['otelcol'],
    versionArguments: ['--version'],
    coldBuildSeconds: 0, // First whatever it costs: the pipeline is what the others hang on.
  },
  alertmanager: {
    title: 'Alertmanager',
    folder: 'alertmanager/server',
    packages: ['github.com/prometheus/alertmanager/cmd/alertmanager'],
    tags: '',
    binaries: ['alertmanager'],
    versionArguments: ['--version'],
    coldBuildSeconds: 60,
  },
  prometheus: {
    title: 'Prometheus',
    folder: 'prometheus/server',
    packages: ['github.com/prometheus/prometheus/cmd/prometheus'],
    tags: 'remove_all_sd', // Leaves the service-discovery plug-ins out: 1.6 minutes instead of 5.5.
    binaries: ['prometheus'],
    versionArguments: ['--version'],
    coldBuildSeconds: 170,
  },
  tempo: {
    title: 'Tempo',
    folder: 'tempo/server',
    packages: ['github.com/grafana/tempo/cmd/tempo'],
    tags: '',
    binaries: ['tempo'],
    versionArguments: ['--version'],
    coldBuildSeconds: 300,
  },
  loki: {
    title: 'Loki',
    folder: 'loki/server',
    packages: ['github.com/grafana/loki/v3/cmd/loki'],
    tags: '',
    binaries: ['loki'],
    versionArguments: ['--version'],
    coldBuildSeconds: 400,
  },
  promtool: {
    title: 'promtool',
    folder: 'prometheus/server',
    packages: ['github.com/prometheus/prometheus/cmd/promtool'],
    tags: 'remove_all_sd',
    binaries: ['promtool'],
    versionArguments: ['--version'],
    coldBuildSeconds: 170,
  },
  amtool: {
    title: 'amtool',
    folder: 'alertmanager/server',
    packages: ['github.com/prometheus/alertmanager/cmd/amtool'],
    tags: '',
    binaries: ['amtool'],
    versionArguments: ['--version'],
    coldBuildSeconds: 60,
  },
} as const satisfies Record<string, Server>;

export type ServerName = keyof typeof servers;
