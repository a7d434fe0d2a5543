import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ServiceError } from '../../src/errors.ts';
import type { Jobs } from '../../src/jobs/open-jobs.ts';
import { newIds } from '../../src/telemetry/ids.ts';

/**
 * Adds so many jobs of three tenants, each by its key until it is accepted; answers what each was
 * sent.
 */
export async function addJobs(jobs: Jobs, count: number, random: () => number): Promise<Map<string, string>> {
  const sent = new Map<string, string>();
  const adding = Array.from({ length: 4 }, async (_, part) => {
    for (let n = part; n < count; n += 4) {
      const text = `upload ${n} ${random()}`;
      for (;;) {
        const id = await addOne(jobs, n, text);
        if (id !== undefined) {
          sent.set(id, text);
          break;
        }
        await pause(200);
      }
    }
  });
  await Promise.all(adding);
  return sent;
}

/** As a request is taken; undefined where it was refused for a while. */
async function addOne(jobs: Jobs, n: number, text: string): Promise<string | undefined> {
  await using work = await jobs.folders.create();
  try {
    await writeFile(join(work.path, 'upload-1'), text);
    const file = { field: 'file', name: 'a.txt', path: 'upload-1', sizeBytes: Buffer.byteLength(text) };
    const request = { kind: 'generate', parameters: { n }, files: [file] } as const;
    const added = await jobs.queue.add({
      id: work.id,
      tenant: `tenant-${n % 3}`,
      request: await jobs.queue.files.keepUploads(work.id, work.path, request),
      madeBy: newIds(),
      idempotency: { key: `job ${n}`, fingerprint: `of ${n}` },
    });
    assert.ok(added.kind === 'added' || added.kind === 'known', added.kind);
    return added.job.id;
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'database_unreachable') return undefined;
    throw error;
  }
}
