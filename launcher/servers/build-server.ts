import { dirname, join } from 'node:path';
import { checkGo, explainGoFailure, runGo } from '../go-command.ts';
import type { Server } from '../servers.ts';
import type { ServerContext } from './server-context.ts';
import type { ServerSource } from './server-source.ts';

/**
 * Nobody debugs these binaries: leaving debug information out saves a quarter of the compiler's
 * work. See bench/LOG.md.
 */
export function buildFlags({ tags, version, versionVariable }: Server): string[] {
  const stamp = versionVariable === '' ? '' : ` -X=${versionVariable}=${version}`;
  return [
    '-mod=readonly',
    '-buildvcs=false',
    '-trimpath',
    `-ldflags=-s -w${stamp}`,
    '-gcflags=all=-dwarf=false',
    ...(tags === '' ? [] : ['-tags', tags]),
  ];
}

/** Builds a server from its Go module into the folder `aside`. */
export async function buildServer(server: Server, context: ServerContext): Promise<ServerSource> {
  const { onProgress, signal, env, root, elapsedMs, aside } = context;
  const module = join(root, server.folder);
  // Without cgo no C compiler is needed, and the binary runs on any distribution.
  const go = { title: server.title, module, env: { ...env, CGO_ENABLED: '0', GOWORK: 'off' }, signal };
  let modules = 0;
  onProgress({ phase: 'downloading', elapsedMs: elapsedMs(), modules });
  await checkGo(go);

  try {
    const listed = await runGo(go, ['list', ...buildFlags(server), '-deps', ...server.packages], (line) => {
      if (line.startsWith('go: downloading '))
        onProgress({ phase: 'downloading', elapsedMs: elapsedMs(), modules: ++modules });
    });
    const packagesMax = listed.split('\n').filter((line) => line !== '').length;

    let packages = 0;
    const report = () => onProgress({ phase: 'compiling', elapsedMs: elapsedMs(), packages, packagesMax });
    report();
    const [only] = server.binaries;
    const output = server.packages.length === 1 && only !== undefined ? join(aside, only) : `${aside}/`;
    await runGo(go, ['build', '-v', ...buildFlags(server), '-o', output, ...server.packages], (line) => {
      if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) packages += 1; // With -v, each package compiled is a line of its own.
      report();
    });
    return { way: 'build' };
  } catch (error) {
    throw explainGoFailure(error, { ...go, cache: dirname(aside) });
  }
}
