import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { settings } from '../../src/config.ts';
import { nameInPrometheus } from '../../src/telemetry/names/name-in-prometheus.ts';
import { metricNames } from '../../src/telemetry/names/names.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { runProgram } from '../backends/run-program.ts';
import {
  buildOverlay,
  type Container,
  configurationOf,
  find,
  type Overlay,
  overlays,
  type Pod,
  type Probe,
  podOf,
  type Resource,
  root,
} from './built-overlay.ts';

describe('the Kubernetes manifests', function () {
  this.timeout(600_000);
  const built = {} as Record<Overlay, Resource[]>;

  before(async () => {
    for (const overlay of overlays) built[overlay] = await buildOverlay(overlay);
  });

  for (const overlay of overlays) {
    it(`${overlay}: every resource is what Kubernetes’ schema says`, async () => {
      for (const resource of built[overlay]) {
        const { apiVersion, kind } = resource;
        const module = (await import(`kubernetes-models/${apiVersion}/${kind}`)) as Record<
          string,
          new (
            data: Resource,
          ) => { validate(): void }
        >;
        const Model = module[kind];
        assert.ok(Model, `${apiVersion} ${kind} is known`);
        assert.doesNotThrow(() => new Model(resource).validate(), `${kind}/${resource.metadata.name}`);
      }
    });
  }

  it('has no field that Kubernetes does not know', async () => {
    // A field that is misspelt is let pass by the schema; the compiler, which is given each resource as
    // a literal, refuses it.
    const inside = await mkdtemp(join(root, 'node_modules/.vitrine-kubernetes-'));
    const resources = [...built['one-node-gpu'], ...built['cluster-gpu'], ...built['cluster-shared']].filter(
      ({ kind }) => kind !== 'ConfigMap',
    );
    const source = resources.map(({ apiVersion, kind, ...rest }, at) => {
      const type = `import('kubernetes-models/${apiVersion}/${kind}').I${kind}`;
      return `export const r${at}: ${type} = ${JSON.stringify({ apiVersion, kind, ...rest })};`;
    });
    const file = join(inside, 'resources.ts');
    await writeFile(file, source.join('\n'));
    const answer = await runProgram(process.execPath, [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--ignoreConfig', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024'],
      ...['--types', '', file],
    ]);
    await rm(inside, { recursive: true });
    assert.equal(answer.code, 0, answer.said);
  });

  it('gives only settings that exist, by their names', () => {
    const known = new Set<string>(Object.values(settings).map(({ env }) => env));
    const others = /^(GOMEMLIMIT|GF_\w+|OTEL_\w+|NVIDIA_DRIVER_CAPABILITIES|POD_NAME|NODE_NAME|PGPASSWORD)$/;
    // Where the servers are, and what the Collector alone reads: set by compose and here, and no rows
    // of the table.
    const ofPlaces = /^VITRINE_(\w+_HOST|CONFIGURATION|GATEWAY|NODE|LOKI_RULES|COLLECTOR_MEMORY_MIB)$/;
    for (const overlay of overlays) {
      for (const name of environmentNames(built[overlay]))
        assert.ok(known.has(name) || others.test(name) || ofPlaces.test(name), `${overlay}: ${name}`);
    }
  });

  it('opens the doors that the native table names', () => {
    const ports = (called: string) =>
      Object.fromEntries(
        podOf(find(built['one-node'], called))!.spec.containers[0]!.ports!.map((port) => [
          port.name,
          port.containerPort,
        ]),
      );
    assert.deepEqual(ports('StatefulSet/service'), {
      http: settings.servicePort.default,
      grpc: settings.grpcPort.default,
    });
    assert.deepEqual(ports('StatefulSet/receiver'), { http: settings.receiverPort.default });
    assert.deepEqual(ports('StatefulSet/collector'), {
      'otlp-grpc': settings.otlpGrpcPort.default,
      'otlp-http': settings.otlpHttpPort.default,
      health: settings.collectorHealthPort.default,
      metrics: settings.collectorMetricsPort.default,
    });
    assert.equal(ports('StatefulSet/prometheus').http, settings.prometheusPort.default);
    assert.equal(ports('StatefulSet/tempo').http, settings.tempoPort.default);
    assert.equal(ports('StatefulSet/loki').http, settings.lokiPort.default);
    assert.equal(ports('StatefulSet/alertmanager').http, settings.alertmanagerPort.default);
  });

  it('probes as the generation service did, and with its component as the microstructure service did', async () => {
    const told = (probe: Probe | undefined) => [probe?.httpGet.path, probe?.initialDelaySeconds, probe?.periodSeconds];
    const service = podOf(find(built.cluster, 'StatefulSet/service'))!.spec.containers[0]!;
    assert.deepEqual(told(service.livenessProbe), ['/live', 60, 30]);
    assert.deepEqual(told(service.readinessProbe), ['/ready', 30, 10]);
    assert.deepEqual(service.resources.requests, { cpu: '1', memory: '2Gi' });
    assert.deepEqual(service.resources.limits, { cpu: '4', memory: '8Gi' });
    const gpu = podOf(find(built['cluster-gpu'], 'StatefulSet/service'))!.spec.containers[0]!;
    assert.equal(gpu.resources.requests['nvidia.com/gpu'], '1');
    const materials = parse(
      await readFile(join(root, 'deploy/kubernetes/components/materials/kustomization.yaml'), 'utf8'),
    ) as { patches: { patch: string }[] };
    const patched = podOf(parse(materials.patches[0]!.patch) as Resource)!.spec.containers[0]!;
    assert.deepEqual(told(patched.livenessProbe), ['/health', 30, 10]);
    assert.deepEqual(told(patched.readinessProbe), ['/health/detailed', 5, 5]);
    assert.deepEqual(patched.resources, {
      requests: { cpu: '500m', memory: '1Gi' },
      limits: { cpu: '2', memory: '4Gi' },
    });
  });

  it('runs three replicas in a cluster, more when callers would wait, and lets one at a time be away', () => {
    const { spec } = find(built.cluster, 'StatefulSet/service') as Resource & {
      spec: { replicas: number; updateStrategy: { rollingUpdate: { maxUnavailable: number } } };
    };
    assert.equal(spec.replicas, 3);
    assert.equal(spec.updateStrategy.rollingUpdate.maxUnavailable, 1);
    assert.equal(find(built.cluster, 'PodDisruptionBudget/service').spec.maxUnavailable, 1);
    const scaler = find(built.cluster, 'HorizontalPodAutoscaler/service').spec as {
      metrics: { pods?: { metric: { name: string } } }[];
    };
    assert.equal(scaler.metrics[0]?.pods?.metric.name, nameInPrometheus(metricNames.inferenceQueueWait));
  });

  it('keeps replicas to different nodes, also where nodes have no zone', () => {
    const { affinity, topologySpreadConstraints = [] } = podOf(find(built.cluster, 'StatefulSet/service'))!.spec;
    const [apart] = affinity!.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    assert.equal(apart?.podAffinityTerm.topologyKey, 'kubernetes.io/hostname');
    // The scheduler leaves out all of them on nodes that lack the label of one.
    for (const overlay of overlays)
      for (const resource of built[overlay])
        assert.ok((podOf(resource)?.spec.topologySpreadConstraints ?? []).length < 2, resource.metadata.name);
    assert.deepEqual(
      topologySpreadConstraints.map(({ topologyKey }) => topologyKey),
      ['topology.kubernetes.io/zone'],
    );
  });

  it('leaves a replica the time to say goodbye', () => {
    for (const overlay of overlays) {
      const given = configurationOf(built[overlay], 'service-settings');
      const neededMs = Number(given.VITRINE_STOP_NOTICE_MS) + Number(given.VITRINE_STOP_MS_MAX);
      const { terminationGracePeriodSeconds } = podOf(find(built[overlay], 'StatefulSet/service'))!.spec;
      assert.ok(terminationGracePeriodSeconds * 1000 > neededMs, `${terminationGracePeriodSeconds} s`);
    }
  });

  it('runs the versions that the native stack is pinned to', async () => {
    const compose = await readFile(join(root, 'compose.yaml'), 'utf8');
    const pinned = new Set([...compose.matchAll(/image: (\S+)/g)].map(([, image]) => image));
    for (const overlay of overlays)
      for (const { image } of containers(built[overlay])) assert.ok(pinned.has(image), `${overlay}: ${image}`);
  });

  it('gives no pod more rights than it needs', () => {
    for (const overlay of overlays) {
      for (const { kind, metadata, pod } of pods(built[overlay])) {
        const called = `${overlay}: ${kind}/${metadata.name}`;
        const { spec } = pod;
        assert.equal(spec.enableServiceLinks, false, called);
        assert.deepEqual(spec.securityContext.seccompProfile, { type: 'RuntimeDefault' }, called);
        // Only the agent asks Kubernetes anything.
        if (metadata.name !== 'agent') assert.equal(spec.automountServiceAccountToken, false, called);
        for (const container of spec.containers) {
          const { securityContext } = container;
          assert.ok(spec.securityContext.runAsNonRoot ?? securityContext.runAsNonRoot, `${called} is not root`);
          assert.equal(securityContext.allowPrivilegeEscalation, false, called);
          assert.equal(securityContext.readOnlyRootFilesystem, true, called);
          assert.deepEqual(securityContext.capabilities, { drop: ['ALL'] }, called);
          assert.ok(container.resources.limits.memory, `${called} has a limit`);
        }
      }
    }
  });

  it('lets the service reach the Collector, and nothing else but names', () => {
    assert.deepEqual(waysOut(built.cluster), [toAgents]);
    // There is a policy that closes what none opens.
    assert.deepEqual(find(built.cluster, 'NetworkPolicy/nothing').spec, {
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
    });
  });

  it('lets replicas that share a store reach each other, the database and the bucket besides', () => {
    const toReplicas = {
      to: [{ podSelector: { matchLabels: { 'app.kubernetes.io/component': 'service' } } }],
      ports: [{ protocol: 'TCP', port: 8020 }],
    };
    const toStores = { ports: [5432, 443].map((port) => ({ protocol: 'TCP', port })) };
    assert.deepEqual(waysOut(built['cluster-shared']), [toAgents, toReplicas, toStores]);
    const [service] = podOf(find(built['cluster-shared'], 'StatefulSet/service'))!.spec.containers;
    const { VITRINE_REPLICA_PORT: port } = configurationOf(built['cluster-shared'], 'service-settings');
    assert.equal(service!.ports!.find(({ name }) => name === 'replicas')!.containerPort, Number(port));
    assert.ok(service!.env!.some(({ name }) => name === 'VITRINE_REPLICA_ADDRESS'));
    // Any of them knows the job, so callers are spread.
    assert.equal(find(built['cluster-shared'], 'Service/service').spec.sessionAffinity, undefined);
    assert.equal(find(built.cluster, 'Service/service').spec.sessionAffinity, 'ClientIP');
  });

  it('selects pods that there are, at ports that they have', () => {
    for (const overlay of overlays) {
      for (const resource of built[overlay].filter(({ kind }) => kind === 'Service')) {
        const { selector, ports } = resource.spec as {
          selector: Record<string, string>;
          ports: { targetPort: string }[];
        };
        const selected = pods(built[overlay]).filter(({ pod }) =>
          Object.entries(selector).every(([key, value]) => pod.metadata.labels[key] === value),
        );
        assert.equal(selected.length, 1, `${overlay}: Service/${resource.metadata.name}`);
        const names = selected[0]!.pod.spec.containers.flatMap((each) => (each.ports ?? []).map(({ name }) => name));
        for (const { targetPort } of ports) assert.ok(names.includes(targetPort), `${overlay}: ${targetPort}`);
      }
    }
  });

  it('carries the files of the native stack, all of them, as they are', async () => {
    const carried: Record<string, string> = {
      'collector-configuration': 'otel-collector',
      'prometheus-configuration': 'prometheus',
      'prometheus-rules': 'prometheus/rules',
      'tempo-configuration': 'tempo',
      'loki-configuration': 'loki',
      'loki-rules': 'loki/rules/fake',
      'alertmanager-configuration': 'alertmanager',
      'grafana-datasources': 'grafana/provisioning/datasources',
      'grafana-dashboards': 'grafana/dashboards',
    };
    for (const [name, folder] of Object.entries(carried)) {
      const files = configurationOf(built['one-node'], name);
      for (const [file, text] of Object.entries(files)) {
        if (file === 'gateway.yaml') continue;
        assert.equal(text, await readFile(join(root, folder, file), 'utf8'), `${name} ${file}`);
      }
      if (!['prometheus-rules', 'loki-rules', 'grafana-dashboards'].includes(name)) continue;
      const there = (await readdir(join(root, folder))).filter((file) => /\.(yaml|json)$/.test(file));
      assert.deepEqual(Object.keys(files).toSorted(), there.toSorted(), name);
    }
  });

  it('fits each ConfigMap into what Kubernetes takes', () => {
    for (const overlay of overlays)
      for (const { kind, metadata, data } of built[overlay].filter(({ kind }) => kind === 'ConfigMap'))
        assert.ok(Buffer.byteLength(JSON.stringify(data ?? {})) < 1_000_000, `${overlay}: ${kind}/${metadata.name}`);
  });

  it('configures gateways and agents in a way that the real Collector accepts', async () => {
    await using folder = await temporaryFolder();
    const otelcol = join(await ensureServer('collector'), 'otelcol');
    const given = {
      ...process.env,
      VITRINE_DATA: folder.path,
      POD_NAME: 'collector-0',
      VITRINE_NODE: 'node-1',
      VITRINE_GATEWAY: 'dns:///collector-replicas.vitrine:4317',
      VITRINE_PROMETHEUS_HOST: 'mimir-gateway.mimir',
      VITRINE_PROMETHEUS_PORT: '80',
    };
    const own = join(root, 'deploy/kubernetes/collector');
    const native = (name: string) => join(root, 'otel-collector', name);
    const gateway = [
      native('config.yaml'),
      ...['prometheus', 'tempo', 'loki'].map((name) => native(`backends/${name}.yaml`)),
    ];
    await accepts([...gateway, join(own, 'gateway.yaml'), join(own, 'mimir.yaml')]);

    // What only the contrib image has is taken out; the rest is the file itself.
    const agent = parse(await readFile(join(own, 'agent.yaml'), 'utf8')) as {
      receivers: Record<string, unknown>;
      extensions: { file_storage: { directory: string; compaction: { directory: string } } };
      service: { pipelines: Record<string, unknown> };
    };
    for (const contribOnly of ['hostmetrics', 'kubeletstats']) {
      assert.ok(agent.receivers[contribOnly], contribOnly);
      delete agent.receivers[contribOnly];
    }
    delete agent.service.pipelines['metrics/node'];
    agent.extensions.file_storage.directory = folder.path;
    agent.extensions.file_storage.compaction.directory = folder.path;
    const file = join(folder.path, 'agent.yaml');
    await writeFile(file, stringify(agent));
    await accepts([file]);

    async function accepts(files: readonly string[]) {
      const answer = await runProgram(otelcol, ['validate', ...files.map((each) => `--config=${each}`)], given);
      assert.equal(answer.code, 0, answer.said);
    }
  });

  it('keeps every dimension of the span metrics where it adds the pod', async () => {
    const dimensionsOf = async (file: string) =>
      (
        parse(await readFile(join(root, file), 'utf8')) as {
          connectors: { span_metrics: { dimensions: { name: string }[] } };
        }
      ).connectors.span_metrics.dimensions.map(({ name }) => name);
    const native = await dimensionsOf('otel-collector/config.yaml');
    assert.deepEqual(await dimensionsOf('deploy/kubernetes/collector/gateway.yaml'), [...native, 'collector.pod']);
  });
});

const toAgents = {
  to: [
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'vitrine-nodes' } },
      podSelector: { matchLabels: { 'app.kubernetes.io/component': 'agent' } },
    },
  ],
  ports: [{ protocol: 'TCP', port: 4317 }],
};

/** Where the service may send, but for the lookup of names. */
function waysOut(resources: readonly Resource[]): { to?: object[]; ports?: { port: number }[] }[] {
  return resources
    .filter(({ kind, spec }) => kind === 'NetworkPolicy' && isForService(spec))
    .flatMap(({ spec }) => (spec.egress ?? []) as { to?: object[]; ports?: { port: number }[] }[])
    .filter(({ ports }) => !ports?.every(({ port }) => port === 53));
}

function pods(resources: readonly Resource[]): (Resource & { pod: Pod })[] {
  return resources.flatMap((resource) => {
    const pod = podOf(resource);
    return pod ? [{ ...resource, pod }] : [];
  });
}

function containers(resources: readonly Resource[]): Container[] {
  return pods(resources).flatMap(({ pod }) => [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]);
}

function environmentNames(resources: readonly Resource[]): Set<string> {
  const given = containers(resources).flatMap(({ env = [] }) => env.map(({ name }) => name));
  const fromMaps = resources
    .filter(({ kind, metadata }) => kind === 'ConfigMap' && /-settings-/.test(metadata.name))
    .flatMap(({ data = {} }) => Object.keys(data));
  return new Set([...given, ...fromMaps]);
}

/** Whether a policy is about the pods of the service: by name, or because it is about all. */
function isForService({ podSelector }: Record<string, unknown>): boolean {
  const { matchLabels = {} } = podSelector as { matchLabels?: Record<string, string> };
  return (
    ['service', undefined].includes(matchLabels['app.kubernetes.io/component']) &&
    !('matchExpressions' in (podSelector as object))
  );
}
