import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { imageDigests } from '../launcher/image-digests.ts';

const source = '# Generated from launcher/image-digests.ts by npm run generate: change it there.';

/** compose/digests.yaml: the same images, by what is in them instead of by their tags. */
export function composeDigests(): string {
  const { services } = parse(readFileSync(join(import.meta.dirname, '../compose.yaml'), 'utf8')) as {
    services: Record<string, { image?: string }>;
  };
  const lines = Object.entries(services).flatMap(([name, { image = '' }]) => {
    const digest = imageDigests[image];
    return digest === undefined ? [] : [`  ${name}:`, `    image: ${image}@${digest}`];
  });
  return [source, 'services:', ...lines, ''].join('\n');
}

/** The same for Kubernetes, as a component that an overlay names. */
export function kubernetesDigests(): string {
  const lines = Object.entries(imageDigests).flatMap(([image, digest]) => [
    `  - name: ${image.slice(0, image.indexOf(':'))}`,
    `    digest: ${digest}`,
  ]);
  return [source, 'apiVersion: kustomize.config.k8s.io/v1alpha1', 'kind: Component', 'images:', ...lines, ''].join(
    '\n',
  );
}
