import { join } from 'node:path';
import { compileShim, type Shim } from '../gpu/shim.ts';
import { divide, gather, identity, slow, slowInBatches, writeModel } from '../models/models.ts';
import { startService } from '../service-process.ts';
import { smallFileSystem } from '../small-file-system.ts';
import { startStack } from '../stack.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { waitFor } from '../wait-for.ts';
import type { Ground } from './fault.ts';
import { wellGpu } from './faults.ts';

/**
 * One factor for everything that takes time: an hour is nine seconds. A window holds ten scrapes at
 * least: ten seconds.
 */
export const timeScale = 0.0025;
const smallDiskBytes = 64 * 2 ** 20;

/**
 * A whole stack and a second instance to cause faults on; whatever was started is ended with it.
 */
export async function prepareGround(ports: NodeJS.ProcessEnv = {}): Promise<Ground & AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const models = parts.use(await temporaryFolder());
  const alone = { batching: { rows_max: 0 } };
  await writeModel(models.path, 'slow_one', slowInBatches(300), { manifest: alone });
  await writeModel(models.path, 'failing', gather(), { manifest: alone });
  await writeModel(models.path, 'broken', divide(), { manifest: { lanes: { kind: 'process' } } });
  await writeModel(models.path, 'crashing', divide(), { manifest: { lanes: { kind: 'process' } } });
  await writeModel(models.path, 'sticking', slow(), { manifest: { lanes: { stuck_after_ms: 500 } } });
  await writeModel(models.path, 'crowded', slowInBatches(700), { manifest: { ...alone, queue: { inputs_max: 1 } } });
  const small = parts.use(await temporaryFolder());
  await writeModel(small.path, 'small', identity('FP32'));

  const stack = await startStack({
    env: {
      VITRINE_TIME_SCALE: String(timeScale),
      VITRINE_SCRAPE_INTERVAL: '1s',
      VITRINE_MODELS: models.path,
      VITRINE_BREAKER_OPEN_MS: '3000',
      VITRINE_RECEIVER_WATCHDOG_MS_MAX: '8000',
      ...ports,
    },
  });
  parts.defer(() => stack.close());

  const compiled = await compileShim();
  const shim: Shim | undefined = 'unavailable' in compiled ? undefined : parts.use(compiled);
  await shim?.answer(wellGpu);
  const mounted = await smallFileSystem(smallDiskBytes);
  const data = 'unavailable' in mounted ? parts.use(await temporaryFolder()) : parts.use(mounted);
  const second = parts.use(
    await startService({
      ...(shim === undefined ? {} : { ...shim.env, LD_LIBRARY_PATH: shim.folder, VITRINE_GPU_PERIOD_MS: '200' }),
      VITRINE_DATA: join(data.path, 'data'),
      VITRINE_MODELS: small.path,
      VITRINE_ENVIRONMENT: 'test',
      VITRINE_BODIES_BYTES_MAX: String(2 ** 20),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${stack.port('otlpGrpcPort')}`,
    }),
  );
  parts.defer(() => second.kill('SIGTERM').then(() => undefined));

  const url = stack.url('service');
  const infer: Ground['infer'] = (model, inputs, parameters = {}) =>
    fetch(`${url}/v2/models/${model}/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs, parameters }),
      signal: AbortSignal.timeout(300_000),
    });
  await waitFor('the models', async () => (await fetch(`${url}/v2/models/crowded/ready`)).ok, { deadlineMs: 60_000 });
  const whole = parts.move();
  return {
    stack,
    url,
    second,
    shim,
    smallDisk: 'unavailable' in mounted ? undefined : { path: mounted.path, bytes: smallDiskBytes },
    infer,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}
