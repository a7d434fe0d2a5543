import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { Planes } from '../../src/audio/planes.ts';
import { type ChunkPlan, separateInChunks } from '../../src/tasks/separation/separate-in-chunks.ts';

const plan: ChunkPlan = { coreSamples: 40, contextSamples: 10, fadeSamples: 6, inFlightMax: 2 };
const ramp = (length: number) => Float32Array.from({ length }, (_, at) => at + 1);

/** Stems a third and two thirds of the chunk. */
const thirds = async (chunk: Planes) => [
  chunk.map((samples) => samples.map((value) => value / 3)),
  chunk.map((samples) => samples.map((value) => (2 * value) / 3)),
];

describe('separation in chunks', () => {
  it('gives stems as long as the input that sum to it, whatever the pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 130 }),
        fc.constantFrom(0, 2, 6, 20),
        fc.integer({ min: 1, max: 4 }),
        async (length, pieceSamples, fadeSamples, inFlightMax) => {
          const input = [ramp(length), ramp(length).toReversed()];
          const stems = await separate(input, pieceSamples, { ...plan, fadeSamples, inFlightMax }, thirds);
          input.forEach((samples, channel) => {
            const sum = stems[0]?.[channel]?.map((value, at) => value + (stems[1]?.[channel]?.[at] as number));
            assert.equal(sum?.length, samples.length);
            samples.forEach((value, at) => {
              assert.ok(Math.abs(value - (sum?.[at] as number)) < 1e-3);
            });
          });
        },
      ),
    );
  });

  it('blends neighbours that disagree in a straight line, without a step', async () => {
    // A stem that is 0 in one chunk and 1 in the next.
    let chunks = 0;
    const [stem] = await separate([ramp(80)], 80, plan, async (chunk) => {
      const value = chunks % 2;
      chunks += 1;
      return [chunk.map((samples) => samples.map(() => value))];
    });
    assert.equal(chunks, 2);
    const around = [...(stem?.[0]?.slice(35, 45) ?? [])].map((value) => Math.round(value * 12));
    assert.deepEqual(around, [0, 0, 1, 3, 5, 7, 9, 11, 12, 12]);
  });

  it('gives every chunk its context, and the first and the last what there is', async () => {
    const seen: [number, number][] = [];
    await separate([ramp(130)], 7, { ...plan, fadeSamples: 0 }, async (chunk, start) => {
      seen.push([start, start + (chunk[0]?.length ?? 0)]);
      assert.equal(chunk[0]?.[0], start + 1);
      return [chunk];
    });
    assert.deepEqual(seen, [
      [0, 50],
      [30, 90],
      [70, 130],
    ]);
  });

  it('reads on only when its stems are taken, and keeps no more than the chunks in flight', async () => {
    let read = 0;
    const endless = (async function* () {
      for (;;) {
        read += 20;
        yield [new Float32Array(20)];
      }
    })();
    let taken = 0;
    for await (const stems of separateInChunks(endless, plan, async (chunk) => [chunk])) {
      taken += stems[0]?.[0]?.length ?? 0;
      const ahead = (plan.inFlightMax + 1) * (plan.coreSamples + 2 * plan.contextSamples + plan.fadeSamples);
      assert.ok(read - taken <= ahead, `read ${read}, taken ${taken}`);
      if (taken > 100_000) break;
    }
  });

  it('holds the same memory at the end of a long sound as at its start', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const long: ChunkPlan = { ...plan, coreSamples: 4000, contextSamples: 1000 };
    const pieces = (function* () {
      for (let piece = 0; piece < 1000; piece += 1) yield [new Float32Array(4000)];
    })();
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let chunks = 0;
    let least = Number.POSITIVE_INFINITY;
    for await (const _ of separateInChunks(pieces, long, async (chunk) => [chunk])) {
      chunks += 1;
      if (chunks < 500 || chunks > 950 || chunks % 50 !== 0) continue;
      // A collection may leave some garbage for the next one: the least of several is what is really
      // held.
      collectGarbage();
      least = Math.min(least, process.memoryUsage().arrayBuffers - before);
    }
    // Half of the sound would be 8 MB; three chunks and a piece are 0.1 MB.
    assert.ok(least < 1e6, `${least} bytes`);
    assert.equal(chunks, 1000);
  });

  it('runs as many chunks at once as it may, and gives them out in order', async () => {
    let running = 0;
    let most = 0;
    const [stem] = await separate([ramp(400)], 50, { ...plan, inFlightMax: 3 }, async (chunk, start) => {
      running += 1;
      most = Math.max(most, running);
      // Later chunks are ready earlier.
      for (let turn = 0; turn < 20 - start / 40; turn += 1) await new Promise(setImmediate);
      running -= 1;
      return [chunk];
    });
    assert.equal(most, 3);
    assert.deepEqual(stem?.[0], ramp(400));
  });

  it('fails with the chunk that failed, after those on their way have ended', async () => {
    let running = 0;
    const failing = separate([ramp(400)], 50, { ...plan, inFlightMax: 3 }, async (chunk, start) => {
      running += 1;
      await new Promise(setImmediate);
      if (start === 0) {
        running -= 1;
        throw new Error('the first chunk');
      }
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      running -= 1;
      return [chunk];
    });
    await assert.rejects(failing, /the first chunk/);
    assert.equal(running, 0);
  });

  it('gives nothing for nothing', async () => {
    const nothing = separateInChunks([], plan, thirds);
    assert.deepEqual(await nothing.next(), { value: undefined, done: true });
  });
});

async function separate(
  input: Planes,
  pieceSamples: number,
  chunkPlan: ChunkPlan,
  run: (chunk: Planes, start: number) => Promise<readonly Planes[]>,
): Promise<Float32Array[][]> {
  const length = input[0]?.length ?? 0;
  const pieces = Array.from({ length: Math.ceil(length / pieceSamples) }, (_, at) =>
    input.map((samples) => samples.slice(at * pieceSamples, (at + 1) * pieceSamples)),
  );
  const parts: (readonly Planes[])[] = [];
  for await (const stems of separateInChunks(pieces, chunkPlan, run)) parts.push(stems);
  return (parts[0] ?? []).map((stem, at) =>
    stem.map((_, channel) => Float32Array.from(parts.flatMap((part) => [...(part[at]?.[channel] ?? [])]))),
  );
}
