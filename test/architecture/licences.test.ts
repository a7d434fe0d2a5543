import assert from 'node:assert/strict';
import { join } from 'node:path';
import { exceptions, isAllowed, refusedPackages } from '../../tools/licences/check-licences.ts';
import { lockedPackages } from '../../tools/licences/packages.ts';

const packages = lockedPackages(join(import.meta.dirname, '../..'));

describe('the licences of packages', () => {
  it('are all allowed, or have their reason', () => {
    assert.ok(packages.length > 300);
    assert.deepEqual(refusedPackages(packages), []);
  });

  it('have no exception that nothing needs', () => {
    for (const name of Object.keys(exceptions))
      assert.ok(
        packages.some((each) => each.name === name && (each.licence === undefined || !isAllowed(each.licence))),
        name,
      );
  });

  it('are refused where they ask for more than a notice, or say nothing', () => {
    const bad = ['GPL-2.0', 'LGPL-2.1-or-later', 'AGPL-3.0', 'MIT AND GPL-2.0', 'SSPL-1.0', undefined];
    const made = bad.map((licence, at) => ({ name: `made-${at}`, version: '1.0.0', licence, development: false }));
    assert.deepEqual(refusedPackages(made), made);
    for (const good of ['MIT', '(MIT OR CC0-1.0)', 'GPL-2.0 OR MIT', 'MIT AND ISC']) assert.ok(isAllowed(good), good);
  });
});
