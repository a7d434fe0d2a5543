import { randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Cluster } from '../../../launcher/cluster/cluster-up.ts';
import { runCommand } from '../../../launcher/run-command.ts';
import { waitFor } from '../../../testkit/wait-for.ts';
import { writeCredentials } from '../../../testkit/write-credentials.ts';

const root = join(import.meta.dirname, '../../..');
const ours = join(root, 'deploy/kubernetes/kserve');
const kinds = ['clusterservingruntimes', 'inferenceservices'];

type Runtime = { spec: { containers: Record<string, unknown>[]; volumes: object[] } };

/** Gives the API server KServe's own definitions, and then what Vitrine ships for KServe. */
export async function applyKserve(cluster: Cluster): Promise<void> {
  const module = join(root, 'deploy/kubernetes/programs/kserve');
  const answer = await runCommand('go', ['-C', module, 'mod', 'download', '-json', 'github.com/kserve/kserve']);
  const definitions = join((JSON.parse(answer) as { Dir: string }).Dir, 'config/crd/full');
  for (const kind of kinds) {
    const file = join(definitions, `serving.kserve.io_${kind}.yaml`);
    await cluster.kubectl(['apply', '--server-side', '-f', file]);
    await waitFor(`the API of ${kind}`, async () => (await cluster.kubectl(['get', kind])) !== undefined, {
      deadlineMs: 60_000,
    });
  }
  for (const file of ['serving-runtime.yaml', 'inference-service.yaml'])
    await cluster.kubectl(['apply', '--server-side', '--validate=strict', '-f', join(ours, file)]);
}

/**
 * A pod as KServe's controller makes it of the runtime that the API server has: the name filled in,
 * and the model where the storage initializer puts it. Answers the key that it takes.
 */
export async function runAsKserve(cluster: Cluster, name: string): Promise<string> {
  const folder = join(cluster.folder, 'kserve');
  const model = join(folder, 'model');
  await mkdir(model, { recursive: true });
  await cp(join(root, 'models/silero-vad/1/model.onnx'), join(model, 'model.onnx'));
  const key = randomBytes(16).toString('hex');
  const { VITRINE_API_KEYS_FILE: keys, VITRINE_ADMIN_TOKEN_FILE: token } = await writeCredentials(folder, {
    keys: { ground: key },
    adminToken: key,
  });
  const secret = [`--from-file=api-keys=${keys}`, `--from-file=admin-token=${token}`];
  await cluster.kubectl(['create', 'secret', 'generic', 'service-keys', ...secret]);
  const text = await cluster.kubectl(['get', 'clusterservingruntime', 'vitrine', '-o', 'json']);
  const { spec } = JSON.parse(text.replaceAll('{{.Name}}', name)) as Runtime;
  const [container] = spec.containers as [{ volumeMounts: object[] }];
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { model: name } },
    spec: {
      securityContext: { fsGroup: 1000 },
      volumes: [...spec.volumes, { name: 'model', hostPath: { path: model } }],
      containers: [
        {
          ...container,
          resources: { requests: { cpu: '20m' } },
          volumeMounts: [...container.volumeMounts, { name: 'model', mountPath: '/mnt/models', readOnly: true }],
        },
      ],
    },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: {
      type: 'NodePort',
      selector: { model: name },
      ports: [{ port: 80, targetPort: 8080, nodePort: kservePort }],
    },
  };
  const file = join(folder, 'pod.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [pod, service] }));
  await cluster.kubectl(['apply', '--server-side', '-f', file]);
  await cluster.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=180s']);
  return key;
}

export const kservePort = 30_890;

/** The runtime with a field that KServe does not know. */
export async function misspelt(cluster: Cluster): Promise<string> {
  const runtime = parse(await readFile(join(ours, 'serving-runtime.yaml'), 'utf8')) as Runtime;
  const file = join(cluster.folder, 'misspelt.json');
  await writeFile(file, JSON.stringify({ ...runtime, spec: { ...runtime.spec, protocolVersion: ['v2'] } }));
  return file;
}
