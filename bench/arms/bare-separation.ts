import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { readWav } from '../../src/audio/read-wav.ts';

// The separation graph by itself: as many threads as cores, each with a session of one thread, over
// pieces of a sound. With the context that the model needs on both sides of a piece the stems equal
// the service's; without it they have seams.
// Usage: node bench/arms/bare-separation.ts MODEL SOUND PIECE_SAMPLES CONTEXT_SAMPLES; says `ready`, then the seconds of a round for every line that it is sent.

if (isMainThread) {
  const [model, sound, ...lengths] = process.argv.slice(2);
  const [piece = 0, context = 0] = lengths.map(Number);
  const { channels } = readWav(await readFile(sound ?? ''));
  const pieces = channels.flatMap((samples) =>
    Array.from({ length: Math.ceil(samples.length / piece) }, (_, at) =>
      samples.slice(Math.max(0, at * piece - context), (at + 1) * piece + context),
    ),
  );
  const threads = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL(import.meta.url), { workerData: { model } }),
  );
  await Promise.all(threads.map((thread) => once(thread)));
  console.log('ready');
  for await (const _ of createInterface({ input: process.stdin })) {
    const startedAt = performance.now();
    const waiting = [...pieces];
    await Promise.all(
      threads.map(async (thread) => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
          thread.postMessage(next);
          await once(thread);
        }
      }),
    );
    console.log((performance.now() - startedAt) / 1000);
  }
  process.exit();
} else {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const { default: ort } = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create((workerData as { model: string }).model, {
    intraOpNumThreads: 1,
    enableMemPattern: false,
  });
  parentPort?.on('message', async (samples: Float32Array) => {
    await session.run({ audio: new ort.Tensor('float32', samples, [1, samples.length]) });
    parentPort?.postMessage('done');
  });
  parentPort?.postMessage('ready');
}

function once(thread: Worker): Promise<unknown> {
  return new Promise((resolve) => thread.once('message', resolve));
}
