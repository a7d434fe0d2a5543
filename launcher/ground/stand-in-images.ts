import { chmod, chown, cp, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../../src/make-folder.ts';
import type { ServerName } from '../servers.ts';
import type { ImageConfig } from './image-archive.ts';

/**
 * An image that stands in for an official one where no registry answers: our build of the same
 * server, with the official paths, users and entry point.
 */
export type StandIn = {
  /** As compose.yaml and the Dockerfiles name it. */
  readonly name: string;
  /** Our binaries, and where the official image has them; `from` where it has another name there. */
  readonly binaries: readonly { readonly server: ServerName; readonly to: string; readonly from?: string }[];
  /** Wanted when VITRINE_BACKENDS has one of these; without the list, always. */
  readonly forBackends?: readonly string[];
  /** Busybox under these paths: what health checks call. */
  readonly tools: readonly string[];
  readonly folders: Readonly<Record<string, number>>;
  readonly config: ImageConfig;
};

const nobody = 65534;
const shell = ['sh', 'wget', 'mkdir', 'chown', 'ls', 'cat', 'nc', 'sleep'].map((tool) => `/bin/${tool}`);

export const standIns = {
  busybox: {
    name: 'busybox:1.37.0-musl',
    binaries: [],
    tools: ['/bin/busybox', ...shell],
    folders: {},
    config: { Cmd: ['sh'], Env: ['PATH=/bin'] },
  },
  pause: {
    name: 'vitrine-pause:1.0',
    binaries: [],
    // Busybox goes by the name it is called by: no other name would find it.
    tools: ['/bin/busybox'],
    folders: {},
    config: { Entrypoint: ['/bin/busybox', 'sleep', '1000000000'], User: String(nobody) },
  },
  collector: {
    name: 'otel/opentelemetry-collector-contrib:0.155.0',
    binaries: [{ server: 'collector', to: '/otelcol-contrib', from: 'otelcol' }],
    tools: [],
    folders: {},
    config: { User: '10001', Entrypoint: ['/otelcol-contrib'], Cmd: ['--config=/etc/otelcol-contrib/config.yaml'] },
  },
  prometheus: {
    name: 'prom/prometheus:v3.15.0',
    forBackends: ['prometheus', 'prometheus-remote-write', 'prometheus-scrape'],
    binaries: [
      { server: 'prometheus', to: '/bin/prometheus' },
      { server: 'promtool', to: '/bin/promtool' },
    ],
    tools: ['/bin/busybox', ...shell],
    folders: { '/prometheus': nobody },
    config: { User: 'nobody', WorkingDir: '/prometheus', Entrypoint: ['/bin/prometheus'], Env: ['PATH=/bin'] },
  },
  tempo: {
    name: 'grafana/tempo:2.8.2',
    forBackends: ['tempo'],
    binaries: [{ server: 'tempo', to: '/tempo' }],
    tools: ['/busybox/wget', '/busybox/sh'],
    folders: { '/var/tempo': 10001 },
    config: { User: '10001', Entrypoint: ['/tempo'] },
  },
  loki: {
    name: 'grafana/loki:3.7.8',
    forBackends: ['loki'],
    binaries: [{ server: 'loki', to: '/usr/bin/loki' }],
    tools: [],
    folders: { '/loki': 10001 },
    config: { User: '10001', Entrypoint: ['/usr/bin/loki'], Cmd: ['-config.file=/etc/loki/local-config.yaml'] },
  },
  alertmanager: {
    name: 'prom/alertmanager:v0.28.1',
    binaries: [{ server: 'alertmanager', to: '/bin/alertmanager' }],
    tools: ['/bin/busybox', ...shell],
    folders: { '/alertmanager': nobody },
    config: { User: 'nobody', WorkingDir: '/alertmanager', Entrypoint: ['/bin/alertmanager'], Env: ['PATH=/bin'] },
  },
  victoriametrics: {
    name: 'victoriametrics/victoria-metrics:v1.151.0',
    forBackends: ['victoriametrics'],
    binaries: [{ server: 'victoriametrics', to: '/victoria-metrics-prod', from: 'victoria-metrics' }],
    tools: ['/bin/busybox', ...shell],
    folders: {},
    config: { Entrypoint: ['/victoria-metrics-prod'], Env: ['PATH=/bin'] },
  },
  vmalert: {
    name: 'victoriametrics/vmalert:v1.151.0',
    forBackends: ['victoriametrics', 'victorialogs'],
    binaries: [{ server: 'victoriametrics', to: '/vmalert-prod', from: 'vmalert' }],
    tools: ['/bin/busybox', ...shell],
    folders: {},
    config: { Entrypoint: ['/vmalert-prod'], Env: ['PATH=/bin'] },
  },
  victorialogs: {
    name: 'victoriametrics/victoria-logs:v1.52.1',
    forBackends: ['victorialogs'],
    binaries: [{ server: 'victorialogs', to: '/victoria-logs-prod', from: 'victoria-logs' }],
    tools: ['/bin/busybox', ...shell],
    folders: {},
    config: { Entrypoint: ['/victoria-logs-prod'], Env: ['PATH=/bin'] },
  },
  jaeger: {
    name: 'jaegertracing/jaeger:2.13.0',
    forBackends: ['jaeger'],
    binaries: [{ server: 'jaeger', to: '/cmd/jaeger/jaeger-linux', from: 'jaeger' }],
    tools: ['/bin/busybox', ...shell],
    folders: {},
    config: {
      User: '10001',
      Entrypoint: ['/cmd/jaeger/jaeger-linux'],
      Env: ['PATH=/bin'],
      Volumes: { '/tmp': {} },
    },
  },
} as const satisfies Record<string, StandIn>;

export type StandInName = keyof typeof standIns;

/** The official images that a stack with these backends has. */
export function standInsFor(backends: string): StandIn[] {
  const named = backends.split(',').map((name) => name.trim());
  return (Object.values(standIns) as StandIn[]).filter(
    ({ forBackends }) => forBackends === undefined || forBackends.some((name) => named.includes(name)),
  );
}

/** Lays out the files of a stand-in below `folder`. */
export async function layOut(
  standIn: StandIn,
  folder: string,
  { busybox, folderOf }: { busybox: string; folderOf: (server: ServerName) => Promise<string> },
): Promise<void> {
  const inside = (path: string) => join(folder, path);
  for (const name of ['etc/ssl/certs', 'tmp', 'bin']) await makeFolder(inside(name));
  await chmod(inside('tmp'), 0o1777);
  await writeFile(
    inside('etc/passwd'),
    'root:x:0:0::/:/bin/sh\napp:x:10001:10001::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
  );
  await writeFile(inside('etc/group'), 'root:x:0:\napp:x:10001:\nnogroup:x:65534:\n');
  await cp('/etc/ssl/certs/ca-certificates.crt', inside('etc/ssl/certs/ca-certificates.crt'), { dereference: true });
  for (const { server, to, from = basename(to) } of standIn.binaries)
    await install(join(await folderOf(server), from), inside(to));
  const [first, ...others] = standIn.tools;
  if (first !== undefined) await install(busybox, inside(first));
  for (const tool of others) {
    await makeFolder(dirname(inside(tool)));
    await symlink(first!, inside(tool));
  }
  for (const [path, owner] of Object.entries(standIn.folders)) {
    await makeFolder(inside(path));
    await chown(inside(path), owner, owner);
  }
}

async function install(from: string, to: string): Promise<void> {
  await makeFolder(dirname(to));
  await cp(from, to, { dereference: true });
  await chmod(to, 0o755);
}
