import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';

/** A resource as kustomize builds it. */
export type Built = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  data?: Record<string, string>;
  spec?: Record<string, unknown>;
};

type Workload = {
  replicas: number;
  template: {
    metadata: { annotations?: Record<string, string> };
    spec: { containers: { image: string; resources: unknown }[] };
  };
  volumeClaimTemplates?: { spec: { storageClassName?: string; resources: { requests: { storage: string } } } }[];
};

/** What may be set of each workload. */
export type WorkloadValues = {
  replicas: number;
  image: string;
  resources: unknown;
  storage?: string;
  settings?: Record<string, string>;
};

const chartRoot = join(import.meta.dirname, '../..');

/**
 * Writes a Helm chart into `folder`, made from what kustomize builds: the same resources, with the
 * replicas, images, resources, volumes and settings of each workload as values.
 */
export async function writeChart(resources: readonly Built[], folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const files = new Map<string, string>();
  const values: Record<string, WorkloadValues> = {};
  for (const resource of resources) {
    if (resource.kind === 'Namespace') continue; // Helm makes the namespace of a release.
    if (resource.kind === 'ConfigMap') addConfiguration(resource, { files, values });
    else files.set(templateOf(resource), workloadTemplate(resource, values));
  }
  const { version } = JSON.parse(await readFile(join(chartRoot, 'package.json'), 'utf8')) as { version: string };
  files.set(
    'Chart.yaml',
    stringify({
      apiVersion: 'v2',
      name: 'vitrine',
      description: 'An inference server you can see through, with everything that watches it',
      version,
      appVersion: version,
      kubeVersion: '>=1.29.0-0',
    }),
  );
  files.set('values.yaml', `${valuesHead}${stringify({ storageClassName: '', ...values })}`);
  files.set('values.schema.json', `${JSON.stringify(schemaOf(values), undefined, 2)}\n`);
  files.set('templates/NOTES.txt', notes);
  for (const [name, text] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

const valuesHead = `# The defaults are those of deploy/kubernetes: a value that is not set changes nothing.
# storageClassName: empty takes the cluster's default class.
`;

const notes = `Vitrine needs three secrets in the namespace {{ .Release.Namespace }}: service-keys, receiver-tokens and grafana-admin.
deploy/kubernetes/README.md says what is in them. Pods that find none wait in CreateContainerConfigError.
The namespace should enforce the standard "restricted": kubectl label namespace {{ .Release.Namespace }} pod-security.kubernetes.io/enforce=restricted
`;

function templateOf({ kind, metadata }: Built): string {
  return `templates/${kind.toLowerCase()}-${metadata.name}.yaml`;
}

type Parts = { readonly files: Map<string, string>; readonly values: Record<string, WorkloadValues> };

/** Settings become values. Files of the native stack have braces, so they stay files. */
function addConfiguration(resource: Built, { files, values }: Parts): void {
  const { metadata, data = {} } = resource;
  const [, workload] = /^(\w+)-settings-/.exec(metadata.name) ?? [];
  if (workload !== undefined) {
    values[workload] = { ...values[workload]!, settings: data };
    files.set(templateOf(resource), inNamespace({ ...resource, data: token(`${workload}.settings`, 'tree') as never }));
    return;
  }
  for (const [name, text] of Object.entries(data)) files.set(`files/${metadata.name}/${name}`, text);
  const read = `data:\n{{ (.Files.Glob "files/${metadata.name}/*").AsConfig | indent 2 }}\n`;
  const { data: _, ...rest } = resource;
  files.set(templateOf(resource), `${inNamespace(rest)}${read}`);
}

function workloadTemplate(resource: Built, values: Record<string, WorkloadValues>): string {
  const { name } = resource.metadata;
  if (!['StatefulSet', 'Deployment', 'DaemonSet'].includes(resource.kind)) return inNamespace(resource);
  const copy = structuredClone(resource);
  const spec = copy.spec as unknown as Workload;
  const [container] = spec.template.spec.containers;
  const [claim] = spec.volumeClaimTemplates ?? [];
  values[name] = {
    replicas: spec.replicas,
    image: container!.image,
    resources: container!.resources,
    ...(claim && { storage: claim.spec.resources.requests.storage }),
    ...values[name],
  };
  spec.replicas = token(`${name}.replicas`, 'plain') as never;
  container!.image = token(`${name}.image`, 'text');
  container!.resources = token(`${name}.resources`, 'tree');
  // A pod begins again when a setting changes: the names of its ConfigMaps do not.
  spec.template.metadata.annotations = {
    ...spec.template.metadata.annotations,
    'vitrine/settings': `<<sum ${name}>>`,
  };
  if (claim !== undefined) {
    claim.spec.resources.requests.storage = token(`${name}.storage`, 'text');
    claim.spec.storageClassName = '<<class>>';
  }
  return inNamespace(copy);
}

/** Stands for a value until the YAML is written: its place decides how it is indented. */
function token(value: string, form: 'plain' | 'text' | 'tree'): string {
  return `<<${form} ${value}>>`;
}

function inNamespace(resource: Partial<Built>): string {
  const { namespace } = resource.metadata!;
  const moved =
    namespace === undefined
      ? resource
      : { ...resource, metadata: { ...resource.metadata, namespace: '<<namespace>>' } };
  return stringify(moved, { lineWidth: 0 }).split('\n').map(fillLine).join('\n');
}

function fillLine(line: string): string {
  const [, indent = '', key = '', form, value = ''] = /^([ -]*)([^:]+): "?<<(\w+) ?([\w.]*)>>"?$/.exec(line) ?? [];
  switch (form) {
    case 'namespace':
      return `${indent}${key}: {{ .Release.Namespace }}`;
    case 'plain':
      return `${indent}${key}: {{ .Values.${value} }}`;
    case 'text':
      return `${indent}${key}: {{ .Values.${value} | quote }}`;
    case 'tree':
      return `${indent}${key}: {{- toYaml .Values.${value} | nindent ${indent.length + 2} }}`;
    case 'sum':
      return `${indent}${key}: {{ toYaml .Values.${value}.settings | sha256sum }}`;
    case 'class':
      return `${indent}{{- with .Values.storageClassName }}\n${indent}${key}: {{ . }}\n${indent}{{- end }}`;
    default:
      // The only place where a value has the namespace inside it.
      return line.replace('k8s.namespace.name=vitrine', 'k8s.namespace.name={{ .Release.Namespace }}');
  }
}

function schemaOf(values: Readonly<Record<string, WorkloadValues>>): object {
  const of = {
    replicas: { type: 'integer', minimum: 0 },
    image: { type: 'string', minLength: 1 },
    resources: {
      type: 'object',
      properties: { requests: { type: 'object' }, limits: { type: 'object' } },
      additionalProperties: false,
    },
    storage: { type: 'string', pattern: '^[0-9]+(Ki|Mi|Gi|Ti)$' },
    settings: { type: 'object', additionalProperties: { type: 'string' } },
  };
  const workloads = Object.entries(values).map(([name, own]) => [
    name,
    {
      type: 'object',
      additionalProperties: false,
      properties: Object.fromEntries(Object.entries(of).filter(([key]) => key in own)),
    },
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    properties: { storageClassName: { type: 'string' }, global: { type: 'object' }, ...Object.fromEntries(workloads) },
  };
}
