import { hash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import { nodeAddress } from '../../../launcher/cluster/cluster-place.ts';
import type { Cluster } from '../../../launcher/cluster/cluster-up.ts';
import { risesOf } from '../../../testkit/backends.ts';
import { waitFor } from '../../../testkit/wait-for.ts';
import { writeCredentials } from '../../../testkit/write-credentials.ts';

const root = join(import.meta.dirname, '../../..');
const outsidePort = 30_800;

const namespace = 'vitrine';
const workloads = ['collector', 'prometheus', 'tempo', 'loki', 'alertmanager', 'receiver', 'service'];

export type Pod = {
  metadata: { name: string; uid: string };
  spec: { nodeName?: string };
  status: { podIP?: string; containerStatuses?: { restartCount: number; ready: boolean }[] };
};

type Series = { metric: Record<string, string>; value: [number, string]; values: [number, string][] };

/** Vitrine as it runs on a cluster, asked by kubectl, by HTTP, and through the API server. */
export class VitrineOnCluster {
  readonly cluster: Cluster;
  readonly key = randomBytes(16).toString('hex');

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  get folder(): string {
    return join(this.cluster.folder, 'vitrine');
  }

  get manifests(): string {
    return join(this.folder, 'manifests.yaml');
  }

  /** All replicas, by a port of the first node. */
  get url(): string {
    return this.#at(outsidePort);
  }

  /** One replica, whichever the others are. */
  urlOf(replica: number): string {
    return this.#at(outsidePort + 1 + replica);
  }

  kubectl(...parameters: string[]): Promise<string> {
    return this.cluster.kubectl(['--namespace', namespace, ...parameters]);
  }

  /** What kubectl answers as JSON. */
  async get<Answer>(...parameters: string[]): Promise<Answer> {
    return JSON.parse(await this.kubectl('get', ...parameters, '-o', 'json')) as Answer;
  }

  /** A GET through the API server to a Service of the namespace. */
  ask(service: string, path: string): Promise<string> {
    return this.kubectl('get', '--raw', `/api/v1/namespaces/${namespace}/services/${service}/proxy${path}`);
  }

  async query(promQl: string): Promise<{ labels: Record<string, string>; value: number }[]> {
    return (await this.#series(promQl)).map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** What a counter counted in all, restarts included: testkit/backends.ts. */
  async countedInAll(selector: string, minutes = 60): Promise<number> {
    const all = await this.#series(`${selector}[${minutes}m]`);
    return all.reduce((sum, { values }) => sum + risesOf(values.map(([, value]) => Number(value))), 0);
  }

  async restarts(pod: string): Promise<number> {
    return (await this.get<Pod>('pod', pod)).status.containerStatuses?.[0]?.restartCount ?? 0;
  }

  /** Until every workload is ready, and every port of the service answers from outside. */
  async untilReady(): Promise<void> {
    try {
      for (const workload of workloads)
        await this.kubectl('rollout', 'status', `statefulset/${workload}`, '--timeout=600s');
      const { spec } = await this.get<{ spec: { replicas: number } }>('statefulset', 'service');
      await untilReachable(this.url);
      for (let replica = 0; replica < spec.replicas; replica += 1) await untilReachable(this.urlOf(replica));
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await this.#diagnosis()}`, { cause: error });
    }
  }

  /** Until a pod was started again, and is ready. */
  async untilRestarted(pod: string, before: number): Promise<void> {
    await waitFor(
      `${pod} to be started again`,
      async () => {
        const [state] = (await this.get<Pod>('pod', pod)).status.containerStatuses ?? [];
        return state !== undefined && state.restartCount > before && state.ready;
      },
      { deadlineMs: 400_000, everyMs: 1_000 },
    );
  }

  #at(port: number): string {
    return `http://${nodeAddress(this.cluster.record, 1)}:${port}`;
  }

  async #series(promQl: string): Promise<Series[]> {
    const text = await this.ask('prometheus:9090', `/api/v1/query?query=${encodeURIComponent(promQl)}`);
    return (JSON.parse(text) as { data: { result: Series[] } }).data.result;
  }

  async #diagnosis(): Promise<string> {
    const parts = [
      await this.kubectl('get', 'pods', '-o', 'wide'),
      await this.kubectl('get', 'events', '--field-selector=type=Warning'),
      ...(await Promise.all(
        workloads.map((name) => this.kubectl('logs', `${name}-0`, '--tail=10').catch((error: Error) => error.message)),
      )),
    ];
    return parts.join('\n');
  }
}

/** A pod is ready before every node knows the way to it. */
export async function untilReachable(url: string): Promise<void> {
  const reached = () => fetch(`${url}/v2/health/ready`, { signal: AbortSignal.timeout(5_000) });
  await waitFor(
    `the way to ${url}`,
    () =>
      reached().then(
        ({ ok }) => ok,
        () => false,
      ),
    { deadlineMs: 120_000, everyMs: 500 },
  );
}

export type OneNodeOptions = {
  readonly replicas?: number;
  /** The processors that each replica asks for. */
  readonly cpu?: string;
  /** Attributes of a resource that Prometheus copies onto every series, as Mimir's chart has it. */
  readonly promoted?: readonly string[];
};

/**
 * Applies overlays/one-node as its README says, with three changes: CPU requests that fit a small
 * machine, as many replicas as asked for, and no Grafana, whose image cannot be had.
 */
export async function applyOneNode(cluster: Cluster, options: OneNodeOptions = {}): Promise<VitrineOnCluster> {
  const vitrine = new VitrineOnCluster(cluster);
  const { folder, manifests } = vitrine;
  await mkdir(folder, { recursive: true });
  await makeNamespace(cluster, { namespace, folder, key: vitrine.key });
  const overlay = relative(folder, join(root, 'deploy/kubernetes/overlays/one-node'));
  await writeFile(join(folder, 'kustomization.yaml'), stringify(kustomization(overlay, options)));
  await writePrometheus(folder, options);
  const built = await cluster.kubectl(['kustomize', '--load-restrictor', 'LoadRestrictionsNone', folder]);
  await writeFile(manifests, built);
  await applyPatiently(cluster, manifests);
  await applyPatiently(cluster, await outsideServices(folder));
  return vitrine;
}

/** An API server that has just started on a busy machine lets some calls run out of time. */
async function applyPatiently(cluster: Cluster, file: string): Promise<void> {
  await waitFor(
    `${file} to be applied`,
    async () => (await cluster.kubectl(['apply', '--server-side', '-f', file])) !== undefined,
    { deadlineMs: 180_000, everyMs: 1_000 },
  );
}

function kustomization(overlay: string, { replicas = 1, cpu = '20m' }: OneNodeOptions): object {
  const patches = workloads.map((name) => ({
    target: { kind: 'StatefulSet', name },
    patch: JSON.stringify([
      {
        op: 'replace',
        path: '/spec/template/spec/containers/0/resources/requests',
        value: { cpu: name === 'service' ? cpu : '20m', memory: '64Mi' },
      },
      // The API server asks them from the first node, whose pods let it in.
      ...(name === 'service'
        ? []
        : [{ op: 'add', path: '/spec/template/spec/nodeSelector', value: { 'kubernetes.io/hostname': 'node1' } }]),
    ]),
  }));
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [overlay],
    replicas: [
      { name: 'service', count: replicas },
      { name: 'grafana', count: 0 },
    ],
    patches,
    configMapGenerator: [
      { name: 'prometheus-configuration', namespace, behavior: 'replace', files: ['prometheus.yaml'] },
    ],
  };
}

async function writePrometheus(folder: string, { promoted = [] }: OneNodeOptions): Promise<void> {
  const text = await readFile(join(root, 'prometheus/prometheus.yaml'), 'utf8');
  const place = '    - deployment.environment.name\n';
  const lines = promoted.map((attribute) => `    - ${attribute}\n`);
  await writeFile(join(folder, 'prometheus.yaml'), text.replace(place, [place, ...lines].join('')));
}

type NamespaceOptions = { readonly namespace: string; readonly folder: string; readonly key: string };

/** A namespace with the secrets that Vitrine waits for. */
export async function makeNamespace(
  cluster: Cluster,
  { namespace: own, folder, key }: NamespaceOptions,
): Promise<void> {
  const files = await writeCredentials(folder, {
    keys: { ground: key },
    adminToken: key,
    rights: { ground: { infer_per_minute: 10_000_000, tasks_per_minute: 100_000 } },
  });
  const token = join(folder, 'receiver-token');
  await writeFile(token, `${hash('sha256', key)}\n`);
  const secrets: Record<string, string[]> = {
    'service-keys': [`api-keys=${files.VITRINE_API_KEYS_FILE}`, `admin-token=${files.VITRINE_ADMIN_TOKEN_FILE}`],
    'receiver-tokens': ['alerts-token', 'deploy-token', 'events-token'].map((name) => `${name}=${token}`),
    'grafana-admin': [`password=${token}`],
  };
  await cluster.kubectl(['create', 'namespace', own]);
  for (const [name, entries] of Object.entries(secrets))
    await cluster.kubectl([
      ...['--namespace', own, 'create', 'secret', 'generic', name],
      ...entries.map((entry) => `--from-file=${entry}`),
    ]);
}

/** A port of the nodes for all replicas, and one for each of the first three. */
async function outsideServices(folder: string): Promise<string> {
  const file = join(folder, 'outside.json');
  const service = (name: string, nodePort: number, selector: object) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { type: 'NodePort', selector, ports: [{ port: 8000, targetPort: 'http', nodePort }] },
  });
  const items = [
    service('service-outside', outsidePort, { 'app.kubernetes.io/component': 'service' }),
    ...[0, 1, 2].map((replica) => {
      const name = `service-${replica}`;
      return service(`${name}-outside`, outsidePort + 1 + replica, { 'statefulset.kubernetes.io/pod-name': name });
    }),
  ];
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  return file;
}
