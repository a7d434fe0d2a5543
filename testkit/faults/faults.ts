import { rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ComponentName } from '../../launcher/components.ts';
import { series } from '../../observability/promql.ts';
import { prometheusQuery } from '../backends.ts';
import { waitFor } from '../wait-for.ts';
import type { Expected, Fault, Ground, Input } from './fault.ts';
import { scoreNoisyDataset } from './score-noisy-dataset.ts';

const x = (...data: number[]): Input => ({ name: 'x', datatype: 'FP32', shape: [1, data.length], data });
const index = (at: number): Input => ({ name: 'index', datatype: 'INT64', shape: [1, 1], data: [at] });
const iterations = (count: number): Input => ({ name: 'iterations', datatype: 'INT64', shape: [], data: [count] });
const division = (dividend: number, divisor: number): Input[] => [
  { name: 'x', datatype: 'INT32', shape: [1, 1], data: [dividend] },
  { name: 'divisor', datatype: 'INT32', shape: [1, 1], data: [divisor] },
];

const of = (alert: string, model: string, severity?: string): Expected => ({
  alert,
  labels: { model },
  ...(severity === undefined ? {} : { severity }),
});
/** On a machine that does much else every model that is asked is slow. */
const slowly = (model: string): Expected[] => [
  ...['LatencyBudgetBurning', 'QueueWaitLong', 'DeadlinesMissed', 'AvailabilityBudgetBurning'].map((alert) =>
    of(alert, model),
  ),
  { alert: 'HighResponseTime' },
];
/**
 * Answers with 5xx count for the whole service, whatever the model, and each writes a line of the
 * log.
 */
const serviceErrors: readonly Expected[] = [
  { alert: 'HighErrorRate' },
  { alert: 'ErrorBurst' },
  { alert: 'NewErrorKind' },
];

/**
 * Does it again and again, so many side by side, until it is ended, and then reports what
 * went wrong.
 */
function repeat(act: () => Promise<unknown>, { sideBySide = 1, everyMs = 200 } = {}): () => Promise<void> {
  const ending = new AbortController();
  const failures = new Set<unknown>();
  const loops = Array.from({ length: sideBySide }, async () => {
    while (!ending.signal.aborted) {
      await act().catch((error: unknown) => failures.add(error));
      await pause(everyMs);
    }
  });
  return async () => {
    ending.abort();
    await Promise.all(loops);
    if (failures.size > 0)
      throw new Error(`${failures.size} requests had no answer at all`, { cause: [...failures][0] });
  };
}

const inferAgainAndAgain = (
  { infer }: Ground,
  model: string,
  inputs: () => readonly Input[],
  options: { sideBySide?: number; everyMs?: number } = {},
) => repeat(() => infer(model, inputs()).then((answer) => answer.arrayBuffer()), options);

const pathOfSmall = '/v2/models/small/infer';
const largeBytes = 900 * 1024;

/**
 * A request whose last byte never comes; another one whenever the service gives it up, or had no
 * memory for it.
 */
function holdBody(url: string): Disposable {
  let disposed = false;
  let socket: Socket;
  const begin = () => {
    socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined); // It is closed then, and that is what counts.
    socket.on('close', () => {
      if (!disposed) setTimeout(begin, 200);
    });
    // An answer says that it is held no longer.
    socket.on('data', () => socket.destroy());
    socket.write(`POST ${pathOfSmall} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${largeBytes}\r\n\r\n`);
    socket.write(Buffer.alloc(largeBytes - 1, ' '));
  };
  begin();
  return {
    [Symbol.dispose]: () => {
      disposed = true;
      socket.destroy();
    },
  };
}

/** Kills a server of the stack; it comes back when the fault ends. */
function away(name: ComponentName, raises: readonly Expected[], more: Partial<Fault> = {}): Fault {
  return {
    name: `${name}-down`,
    says: `kills ${name}, and starts it again`,
    raises,
    ...more,
    cause: async ({ stack }) => {
      await stack.kill(name);
      return () => stack.start(name);
    },
  };
}

const noShim = ({ shim }: Ground) => (shim === undefined ? 'there is no C compiler for the GPU shim' : undefined);
/** The shim’s device as it is when nothing is wrong with it; the second device stays like that. */
export const wellGpu = { count: 2, memory: 2 ** 30, processes: 0, throttle: 0, ecc_corrected: 0 };

export const faults: readonly Fault[] = [
  {
    name: 'slow-model',
    says: 'sends sixty callers to a model that runs one request at a time',
    raises: [of('LatencyBudgetBurning', 'slow_one', 'critical')],
    mayRaise: [...slowly('slow_one'), ...serviceErrors],
    cause: async (ground) =>
      inferAgainAndAgain(ground, 'slow_one', () => [x(1, 2, 3, 4)], { sideBySide: 60, everyMs: 10 }),
  },
  {
    name: 'failing-model',
    says: 'asks a model for what is outside its table, every other time, so that its breaker stays closed',
    raises: [of('ModelFailing', 'failing'), of('AvailabilityBudgetBurning', 'failing', 'critical')],
    mayRaise: [...slowly('failing'), ...serviceErrors],
    cause: async (ground) => {
      let times = 0;
      return inferAgainAndAgain(ground, 'failing', () => [index(times++ % 2 === 0 ? 1 : 99)], {
        sideBySide: 2,
        everyMs: 100,
      });
    },
  },
  {
    name: 'breaker-open',
    says: 'makes the process of a model’s lane crash until its breaker opens, and goes on asking',
    raises: [of('BreakerOpen', 'broken')],
    mayRaise: [of('LaneCrashed', 'broken'), ...slowly('broken'), ...serviceErrors],
    cause: async (ground) => {
      const end = inferAgainAndAgain(ground, 'broken', () => division(-(2 ** 31), -1));
      return async () => {
        await end();
        // An attempt that succeeds closes it.
        await waitFor('the breaker to close', async () => (await ground.infer('broken', division(6, 3))).ok, {
          deadlineMs: 60_000,
          everyMs: 500,
        });
      };
    },
  },
  {
    name: 'lane-crash',
    says: 'sends divisions that trap the processor to a model in a process of its own, and good ones between them',
    raises: [of('LaneCrashed', 'crashing', 'warning')],
    mayRaise: [of('LaneCrashed', 'crashing', 'critical'), ...slowly('crashing'), ...serviceErrors],
    cause: async (ground) => {
      let times = 0;
      return inferAgainAndAgain(
        ground,
        'crashing',
        () => (times++ % 2 === 0 ? division(-(2 ** 31), -1) : division(6, 3)),
        {
          everyMs: 2000,
        },
      );
    },
  },
  {
    name: 'lane-stuck',
    says: 'starts a run in a thread that goes on for many seconds after its caller’s deadline',
    raises: [of('LaneStuck', 'sticking'), { alert: 'LaneAbandoned' }],
    // One request in so short a time is many a minute.
    mayRaise: [...slowly('sticking'), ...serviceErrors],
    cause: async ({ infer }) => {
      const run: Input[] = [{ name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] }, iterations(80_000)];
      await (await infer('sticking', run, { timeout: 500_000 })).arrayBuffer();
      return async () => undefined;
    },
  },
  {
    name: 'queue-full',
    says: 'sends more requests than fit into the queue of a model that takes its time',
    raises: [of('QueueFull', 'crowded'), of('AvailabilityBudgetBurning', 'crowded', 'critical')],
    mayRaise: [...slowly('crowded'), ...serviceErrors],
    cause: async (ground) =>
      inferAgainAndAgain(ground, 'crowded', () => [x(1, 2, 3, 4)], { sideBySide: 4, everyMs: 50 }),
  },
  {
    name: 'rate-limit-storm',
    says: 'sends tasks far beyond the quota of a client',
    raises: [{ alert: 'RateLimitStorm', labels: { endpoint: '/v1/score' } }],
    mayRaise: [{ alert: 'NewErrorKind' }],
    cause: async ({ url }) =>
      repeat(() => fetch(`${url}/v1/score`, { method: 'POST', body: '{}' }).then((answer) => answer.arrayBuffer()), {
        sideBySide: 2,
        everyMs: 100,
      }),
  },
  {
    name: 'memory-pressure',
    says: 'holds a body open that takes the memory which all bodies may take, while others come',
    raises: [{ alert: 'RequestsTurnedAway', labels: { reason: 'busy' } }],
    // Who is turned away is so at the cost of the model that was asked.
    mayRaise: [...slowly('small'), ...serviceErrors, { alert: 'BudgetRefuses' }],
    cause: async ({ second }) => {
      const held = holdBody(second.url);
      const end = repeat(
        () =>
          fetch(`${second.url}${pathOfSmall}`, { method: 'POST', body: Buffer.alloc(largeBytes, ' ') }).then(
            (answer) => answer.arrayBuffer(),
            () => undefined, // Refused before its end was sent: the connection may end before the answer is read.
          ),
        { sideBySide: 2, everyMs: 300 },
      );
      return async () => {
        await end();
        held[Symbol.dispose]();
      };
    },
  },
  {
    name: 'disk-nearly-full',
    says: 'fills the small file system that the second instance writes to',
    raises: [
      { alert: 'DiskSpaceLow', severity: 'critical' },
      { alert: 'DiskSpaceLow', severity: 'warning' },
    ],
    unavailable: ({ smallDisk }) => (smallDisk === undefined ? 'no small file system can be mounted' : undefined),
    cause: async ({ smallDisk }) => {
      const file = join(smallDisk!.path, 'ballast');
      await writeFile(file, Buffer.alloc(Math.floor(0.975 * smallDisk!.bytes)));
      return () => rm(file);
    },
  },
  {
    name: 'gpu-hot',
    says: 'makes the first GPU of the shim 96 °C hot, so that it is held down',
    raises: [
      { alert: 'GPUHot', severity: 'critical', labels: { hw_id: 'GPU-shim-0000' } },
      { alert: 'GPUHot', severity: 'warning', labels: { hw_id: 'GPU-shim-0000' } },
      { alert: 'GPUThrottled', labels: { hw_id: 'GPU-shim-0000', hw_gpu_throttle_reason: 'hw_thermal' } },
    ],
    unavailable: noShim,
    cause: ({ shim }) => changeGpu(shim!, { 'temperature.0': 96, 'throttle.0': 0x40 }),
  },
  {
    name: 'gpu-lost',
    says: 'lets the second GPU of the shim fall off the bus',
    raises: [{ alert: 'GPULost', labels: { hw_id: 'GPU-shim-0001' } }],
    unavailable: noShim,
    cause: ({ shim }) => changeGpu(shim!, { 'lost.1': 1 }),
  },
  {
    name: 'low-quality',
    says: 'scores a dataset of which most files are noise',
    raises: [{ alert: 'LowQualityScores', labels: { dataset: 'noisy' } }],
    // On a machine that does much else.
    mayRaise: [of('SlowerThanItPlays', 'dnsmos')],
    cause: scoreNoisyDataset,
  },
  {
    name: 'collector-down',
    says: 'kills the Collector, and starts it again',
    raises: [{ alert: 'CollectorDown' }],
    // After half a minute the service counts as silent; Alertmanager keeps that back.
    mayRaise: [{ alert: 'ServiceDown' }, { alert: 'SpoolGrowing' }, { alert: 'SignalAbsent' }],
    cause: async ({ stack }) => {
      await stack.kill('collector');
      return async () => {
        await stack.start('collector');
        // It is over when what was kept has come, of both instances and the receiver.
        const heard = `count(vitrine:heartbeat_age_seconds{job!="vitrine-dataset"} < 5) >= 3 and sum(${series('telemetrySpooled')}) == 0`;
        await waitFor(
          'the spools to be empty',
          async () => (await prometheusQuery(stack.url('prometheus'), heard)).length > 0,
          { deadlineMs: 120_000, everyMs: 500 },
        );
      };
    },
  },
  {
    name: 'service-down',
    says: 'kills the service, keeps it from coming back and halts its other instance, then lets both go on',
    // Which of the two was heard last is by chance: where another lives, an instance that died is
    // forgotten, and with time this fast in seconds.
    raises: ['generation', 'generation-guide', 'microstructure'].map((system) => ({
      alert: 'ServiceDown',
      labels: { job: 'vitrine', system },
    })),
    // The models are opened again. A halted instance exports nothing of its GPUs, a killed one no
    // traces.
    mayRaise: ['ModelLoadSlow', 'NoModelServes', 'GPULost', 'SignalAbsent'].map((alert) => ({ alert })),
    cause: async ({ stack, url, second }) => {
      process.kill(second.pid, 'SIGSTOP');
      await stack.kill('service');
      return async () => {
        process.kill(second.pid, 'SIGCONT');
        await stack.start('service');
        // It is over when it serves again and both instances are heard.
        await waitFor('the models', async () => (await fetch(`${url}/v2/models/crowded/ready`)).ok, {
          deadlineMs: 120_000,
          everyMs: 500,
        });
        const heard = 'count(vitrine:heartbeat_age_seconds{job="vitrine"} < 5) >= 2';
        await waitFor('its heartbeat', async () => (await prometheusQuery(stack.url('prometheus'), heard)).length > 0, {
          deadlineMs: 120_000,
          everyMs: 500,
        });
      };
    },
  },
  away('loki', [{ alert: 'BackendDown', labels: { job: 'loki' } }]),
  away('tempo', [{ alert: 'BackendDown', labels: { job: 'tempo' } }]),
  away('alertmanager', [{ alert: 'BackendDown', labels: { job: 'alertmanager' } }, { alert: 'AlertmanagerUnheard' }], {
    delivered: false,
    // The receiver misses Watchdog, and says so in the log.
    mayRaise: [{ alert: 'NotificationsFailing' }, { alert: 'AlertingSilent' }],
  }),
  // Nobody but Loki’s ruler can report then: the receiver misses Watchdog, and says so in the log.
  away('prometheus', [{ alert: 'AlertingSilent' }]),
];

const shimNow: Record<string, number> = { ...wellGpu };
let shimTold: Promise<void> = Promise.resolve();

/** One after the other: two faults of GPUs use the same shim. */
async function changeGpu(
  shim: NonNullable<Ground['shim']>,
  change: Record<string, number>,
): Promise<() => Promise<void>> {
  const tell = () => (shimTold = shimTold.then(() => shim.answer(shimNow)));
  Object.assign(shimNow, change);
  await tell();
  return async () => {
    for (const key of Object.keys(change)) delete shimNow[key];
    await tell();
  };
}
