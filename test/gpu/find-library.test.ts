import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findLibrary } from '../../src/telemetry/host/gpu/find-library.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

describe('the search for a library', () => {
  it('finds a path that is there, and no other', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'libgpu.so.1');
    assert.equal(findLibrary(path), false);
    await writeFile(path, '');
    assert.equal(findLibrary(path), true);
  });

  it('looks in every folder of LD_LIBRARY_PATH', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'libgpu.so.1'), '');
    assert.equal(findLibrary('libgpu.so.1', { LD_LIBRARY_PATH: `/nowhere:${folder.path}` }), true);
    assert.equal(findLibrary('libgpu.so.1', { LD_LIBRARY_PATH: '' }), false);
    assert.equal(findLibrary('libgpu.so.1', {}), false);
  });

  it('knows what the loader has in its cache, by the whole name', function () {
    if (process.platform !== 'linux') this.skip();
    // glibc's own C library is wherever this Node runs on Linux.
    assert.equal(findLibrary('libc.so.6', {}), true);
    assert.equal(findLibrary('libc.so.', {}), false);
  });
});
