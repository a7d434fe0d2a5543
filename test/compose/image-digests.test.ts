import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageDigests } from '../../launcher/image-digests.ts';

const root = join(import.meta.dirname, '../..');
const files = ['compose.yaml', ...globSync('deploy/kubernetes/{base,components,overlays}/**/*.yaml', { cwd: root })];

describe('the images of the servers', () => {
  const named = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/^\s*image: (\S+:\S+)$/gm)].map(([, image = '']) => image),
  );

  it('each have a digest, but those that are built here', () => {
    const missing = new Set(named.filter((image) => !image.startsWith('vitrine') && !(image in imageDigests)));
    assert.deepEqual([...missing], []);
  });

  it('have no digest of an image that nothing names', () => {
    assert.deepEqual(
      Object.keys(imageDigests).filter((image) => !named.includes(image)),
      [],
    );
  });

  it('stand by their digests in compose/digests.yaml and in the component of Kubernetes', () => {
    const compose = readFileSync(join(root, 'compose/digests.yaml'), 'utf8');
    const component = readFileSync(join(root, 'deploy/kubernetes/components/digests/kustomization.yaml'), 'utf8');
    for (const [image, digest] of Object.entries(imageDigests)) {
      assert.match(digest, /^sha256:[0-9a-f]{64}$/);
      assert.ok(compose.includes(`image: ${image}@${digest}\n`), image);
      assert.ok(component.includes(`name: ${image.split(':')[0]}\n    digest: ${digest}\n`), image);
    }
  });
});
