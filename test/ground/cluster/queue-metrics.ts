import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Cluster, loadImage } from '../../../launcher/cluster/cluster-up.ts';
import { imageName, programImage } from '../../../launcher/cluster/program-image.ts';
import { clusterPrograms } from '../../../launcher/cluster/programs.ts';

const root = join(import.meta.dirname, '../../..');
const name = 'prometheus-adapter';
const namespace = name;
const port = 6443;

/**
 * The Prometheus adapter with the rules that Vitrine ships for its chart: it answers autoscalers how
 * long callers would wait.
 */
export async function applyPrometheusAdapter(cluster: Cluster): Promise<void> {
  await loadImage(cluster, await programImage(cluster, clusterPrograms.prometheusAdapter));
  const values = parse(await readFile(join(root, 'deploy/kubernetes/charts/prometheus-adapter.yaml'), 'utf8')) as {
    rules: { custom: object[] };
  };
  const file = join(cluster.folder, 'prometheus-adapter.json');
  const items = [...rights(), ...workload(stringify({ rules: values.rules.custom }))];
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await cluster.kubectl(['create', 'namespace', namespace]);
  await cluster.kubectl(['apply', '--server-side', '-f', file]);
  await cluster.kubectl(['wait', '--for=condition=Available', `apiservice/${api.metadata.name}`, '--timeout=180s']);
}

const api = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1beta1.custom.metrics.k8s.io' },
  spec: {
    group: 'custom.metrics.k8s.io',
    version: 'v1beta1',
    service: { name, namespace },
    insecureSkipTLSVerify: true,
    groupPriorityMinimum: 100,
    versionPriority: 100,
  },
};

function rights(): object[] {
  const rbac = 'rbac.authorization.k8s.io';
  const adapter = { kind: 'ServiceAccount', name, namespace };
  const autoscaler = { kind: 'ServiceAccount', name: 'horizontal-pod-autoscaler', namespace: 'kube-system' };
  const role = (own: string, rule: object) => ({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: own },
    rules: [rule],
  });
  const bind = (own: string, to: string, subject: object) => ({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: own },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: to },
    subjects: [subject],
  });
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    role(name, {
      apiGroups: [''],
      resources: ['nodes', 'namespaces', 'pods', 'services'],
      verbs: ['get', 'list', 'watch'],
    }),
    role('custom-metrics', { apiGroups: ['custom.metrics.k8s.io'], resources: ['*'], verbs: ['get', 'list'] }),
    bind(name, name, adapter),
    bind(`${name}-asks-who-calls`, 'system:auth-delegator', adapter),
    bind('autoscaler-reads-custom-metrics', 'custom-metrics', autoscaler),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace: 'kube-system' },
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'extension-apiserver-authentication-reader' },
      subjects: [adapter],
    },
    api,
  ];
}

function workload(rules: string): object[] {
  const labels = { app: name };
  const metadata = { name, namespace };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'rules.yaml': rules } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'https', port: 443, targetPort: port }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: name,
            containers: [
              {
                name,
                image: imageName(clusterPrograms.prometheusAdapter),
                args: [
                  '--cert-dir=/tmp',
                  '--config=/etc/adapter/rules.yaml',
                  '--metrics-relist-interval=15s',
                  '--metrics-max-age=2m',
                  '--prometheus-url=http://prometheus.vitrine:9090/',
                  `--secure-port=${port}`,
                ],
                readinessProbe: { httpGet: { path: '/readyz', port, scheme: 'HTTPS' }, periodSeconds: 3 },
                resources: { requests: { cpu: '20m', memory: '64Mi' } },
                volumeMounts: [
                  { name: 'rules', mountPath: '/etc/adapter' },
                  { name: 'certificates', mountPath: '/tmp' },
                ],
              },
            ],
            volumes: [
              { name: 'rules', configMap: { name } },
              { name: 'certificates', emptyDir: {} },
            ],
          },
        },
      },
    },
  ];
}
