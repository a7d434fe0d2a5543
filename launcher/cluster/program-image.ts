import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/make-folder.ts';
import { type WrittenImage, writeImage } from '../ground/image-archive.ts';
import { ensureServer } from '../servers/ensure-server.ts';
import type { Server } from '../servers.ts';
import type { Cluster } from './cluster-up.ts';

/** An image that holds nothing but one program of ours, for a pod that runs it. */
export async function programImage({ folder }: Cluster, server: Server): Promise<WrittenImage> {
  const [program] = server.binaries;
  const root = join(folder, program!);
  await makeFolder(root);
  await cp(join(await ensureServer(server), program!), join(root, program!));
  return writeImage(
    {
      name: imageName(server),
      layers: [{ folder: root, seconds: 0 }],
      config: { Entrypoint: [`/${program}`], User: '65534' },
      createdSeconds: 0,
    },
    `${root}.tar`,
  );
}

export function imageName({ binaries: [program], version }: Server): string {
  return `vitrine-${program}:${version}`;
}
