import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server } from '../../../launcher/servers.ts';

/** A Go module of a few lines, so that the building itself can be tested in seconds. */
export const tinyServer: Server = {
  title: 'Tiny',
  folder: 'tiny',
  packages: ['.'],
  tags: '',
  binaries: ['tiny'],
  version: '1.2.3',
  versionVariable: 'main.version',
  versionArguments: [],
  coldBuildSeconds: 1,
};

export async function writeTinyModule(root: string, { goVersion = '1.24', require = '' } = {}): Promise<void> {
  const module = join(root, 'tiny');
  await mkdir(module, { recursive: true });
  await writeFile(join(module, 'go.mod'), `module tiny\n\ngo ${goVersion}\n${require}`);
  const imported = require === '' ? '' : 'import _ "example.org/far/away"\n';
  await writeFile(
    join(module, 'main.go'),
    `package main\n\n${imported}\nvar version string\n\nfunc main() { println(version) }\n`,
  );
}
