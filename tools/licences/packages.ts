import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type LockedPackage = {
  readonly name: string;
  readonly version: string;
  /** As an SPDX expression; undefined where the package does not say. */
  readonly licence: string | undefined;
  /** Not in the image and not in the package. */
  readonly development: boolean;
};

type Entry = { version?: string; license?: string; dev?: boolean; link?: boolean };

/** Every package of the lock file, by name and version. */
export function lockedPackages(root: string): LockedPackage[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Entry>;
  };
  const found = new Map<string, LockedPackage>();
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const version = entry.version ?? '';
    const key = `${name}@${version}`;
    const before = found.get(key);
    const development = entry.dev === true && before?.development !== false;
    found.set(key, { name, version, licence: entry.license ?? licenceInPackage(root, path), development });
  }
  return [...found.values()].sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

/** Old packages say it in a list, which npm does not copy into the lock file. */
function licenceInPackage(root: string, path: string): string | undefined {
  const file = join(root, path, 'package.json');
  if (!existsSync(file)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(file, 'utf8')) as {
    license?: string;
    licenses?: { type: string }[];
  };
  return license ?? licenses?.map(({ type }) => type).join(' OR ');
}
