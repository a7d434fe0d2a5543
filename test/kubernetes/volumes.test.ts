import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/config.ts';

type Claim = { metadata: { name: string }; spec: { resources: { requests: { storage: string } } } };

describe('the volume of the service on Kubernetes', () => {
  it('holds what may be kept in it, with as much left free as health asks for', async () => {
    const file = join(import.meta.dirname, '../../deploy/kubernetes/base/service.yaml');
    const documents = parseAllDocuments(await readFile(file, 'utf8')).map((each) => each.toJS());
    const claims = documents.flatMap((each) => (each?.spec?.volumeClaimTemplates ?? []) as Claim[]);
    const { storage } = claims.find(({ metadata }) => metadata.name === 'data')!.spec.resources.requests;
    const [, gibibytes] = /^(\d+)Gi$/.exec(storage) ?? [];
    const { workBytesMax, spoolBytesMax, healthDiskFreePercentMin } = readConfig({});
    const usable = Number(gibibytes) * 2 ** 30 * (1 - healthDiskFreePercentMin / 100);
    assert.ok(usable >= workBytesMax + spoolBytesMax, `${storage} for ${workBytesMax} and ${spoolBytesMax} bytes`);
  });
});
