import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wavHead } from '../../src/audio/write-wav.ts';
import { writeModel } from '../../testkit/models/models.ts';
import { fixedSeparator } from '../../testkit/models/separators.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

// alone: it compares peaks of memory, which depend on when V8 collects.

describe('the memory of a separation', function () {
  this.timeout(240_000);

  it('is the same for ten minutes of stereo as for one', async () => {
    await using folder = await temporaryFolder();
    const separator = { stems: ['vocals', 'accompaniment'], channels: 2, chunk_samples: 262_144, fade_samples: 4096 };
    await writeModel(join(folder.path, 'models'), 'quarter', fixedSeparator(2, 270_336), { manifest: { separator } });
    await using service = await startService({
      VITRINE_DATA: join(folder.path, 'data'),
      VITRINE_MODELS: join(folder.path, 'models'),
      OTEL_SDK_DISABLED: 'true',
      VITRINE_TASKS_PER_MINUTE_MAX: '100',
    });
    const one = await writeSound(join(folder.path, 'one.wav'), 60);
    const ten = await writeSound(join(folder.path, 'ten.wav'), 600);
    // The first makes what stays: threads, arenas, code. The peak is by chance, too, when blocks happen
    // to be there at once: as much work gives it as many chances.
    for (let count = 0; count < 11; count += 1) await separate(service, one, 60);
    const afterOne = await peakMemory(service);
    await separate(service, ten, 600);
    const grown = (await peakMemory(service)) - afterOne;
    // Nine minutes more are 95 MB as they stand in the file, 190 MB decoded, and as much again for each
    // stem.
    assert.ok(grown < 60e6, `${Math.round(grown / 1e6)} MB more than ${Math.round(afterOne / 1e6)} MB`);
  });
});

const rate = 44_100;

async function writeSound(path: string, seconds: number): Promise<string> {
  await using file = await open(path, 'w');
  await file.write(wavHead({ encoding: 'pcm16', channels: 2, sampleRateHz: rate, frames: seconds * rate }));
  const second = Buffer.alloc(4 * rate, 1);
  for (let at = 0; at < seconds; at += 1) await file.write(second);
  return path;
}

async function separate({ url }: ServiceProcess, path: string, seconds: number): Promise<void> {
  const body = new FormData();
  body.set('file', await openAsBlob(path), 'sound.wav');
  const answer = await fetch(`${url}/v1/separate?stem=vocals&model_name=quarter`, { method: 'POST', body });
  assert.equal(answer.status, 200);
  let bytes = 0;
  for await (const piece of answer.body ?? []) bytes += piece.length;
  assert.equal(bytes, 44 + seconds * rate * 4);
}

/** The most that was ever resident, in bytes. */
async function peakMemory({ pid }: ServiceProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
