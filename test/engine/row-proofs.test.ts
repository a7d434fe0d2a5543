import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RowProofs } from '../../src/engine/registry/row-proofs.ts';
import { setLogLevel } from '../../src/telemetry/logger.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

describe('the proofs of independent rows', () => {
  it('are all stored where models with the same file are loaded at the same time', async () => {
    await using folder = await temporaryFolder();
    const proofs = new RowProofs(folder.path);
    const proof = { rowsMax: 32, reason: 'they are independent', provider: 'cpu' };
    const written: string[] = [];
    const write = process.stderr.write;
    process.stderr.write = (text: string) => written.push(text) > 0;
    try {
      setLogLevel('app', 'warn');
      await Promise.all(Array.from({ length: 20 }, () => proofs.keep('key', proof)));
    } finally {
      process.stderr.write = write;
    }
    assert.deepEqual(written, [], 'each write succeeds');
    assert.deepEqual(await proofs.find('key'), proof);
    assert.deepEqual(await readdir(join(folder.path, 'row-proofs')), ['key.json']);
  });
});
