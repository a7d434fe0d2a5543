import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { runProgram } from '../backends/run-program.ts';

export const root = join(import.meta.dirname, '../..');
export const overlays = ['one-node', 'one-node-gpu', 'cluster', 'cluster-gpu', 'cluster-shared'] as const;
export type Overlay = (typeof overlays)[number];

export type Container = {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  ports?: { name: string; containerPort: number }[];
  env?: { name: string; value?: string }[];
  envFrom?: { configMapRef: { name: string } }[];
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: Record<string, unknown> & { capabilities: { drop: string[]; add?: string[] } };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
} & Partial<Record<'livenessProbe' | 'readinessProbe' | 'startupProbe', Probe>>;

export type Probe = {
  httpGet: { path: string; port: string };
  initialDelaySeconds?: number;
  periodSeconds: number;
  failureThreshold?: number;
};

export type Pod = {
  metadata: { labels: Record<string, string> };
  spec: {
    automountServiceAccountToken?: boolean;
    enableServiceLinks: boolean;
    terminationGracePeriodSeconds: number;
    securityContext: Record<string, unknown>;
    containers: Container[];
    initContainers?: Container[];
    volumes: Record<string, unknown>[];
    topologySpreadConstraints?: { topologyKey: string }[];
    affinity?: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: { podAffinityTerm: { topologyKey: string } }[];
      };
    };
  };
};

export type Resource = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown>;
  data?: Record<string, string>;
};

/** What kustomize makes of an overlay: the resources that a cluster would be given. */
export async function buildOverlay(overlay: Overlay): Promise<Resource[]> {
  const kustomize = join(await ensureServer('kustomize'), 'kustomize');
  const folder = join(root, 'deploy/kubernetes/overlays', overlay);
  const answer = await runProgram(kustomize, ['build', '--load-restrictor', 'LoadRestrictionsNone', folder]);
  if (answer.code !== 0) throw new Error(`kustomize build ${overlay}: ${answer.said}`);
  return parseAllDocuments(answer.said).map((document) => document.toJS() as Resource);
}

/** The template of a workload's pods; undefined for resources that make none. */
export function podOf(resource: Resource): Pod | undefined {
  return resource.spec?.template as Pod | undefined;
}

/** One resource by what it is called, e.g. `StatefulSet/service`. */
export function find(resources: readonly Resource[], called: string): Resource {
  const found = resources.find(({ kind, metadata }) => `${kind}/${metadata.name}` === called);
  if (!found) throw new Error(`There is no ${called}.`);
  return found;
}

/** A ConfigMap's data by its name as written; kustomize adds a hash of its content. */
export function configurationOf(resources: readonly Resource[], name: string): Record<string, string> {
  const found = resources.find(
    ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.replace(/-[a-z0-9]{10}$/, '') === name,
  );
  if (!found) throw new Error(`There is no ConfigMap ${name}.`);
  return found.data ?? {};
}
