import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cause } from '../../src/telemetry/names/causes.ts';
import type { DrilledService, Victim } from './drills.ts';

/** Something that slows a request down, done to a real service; answers the request's id. */
export type Drill = {
  readonly name: string;
  /** Any of these is right to be named first. */
  readonly causes: readonly Cause[];
  /** The same request without the trouble, so that it is known what it takes alone. */
  readonly alone: Victim;
  /** A request that took less ended before the trouble began. */
  readonly tookMsMin?: number;
  run(service: DrilledService, ms: number): Promise<string>;
};

const json = (inputs: readonly unknown[], more: object = {}) => Buffer.from(JSON.stringify({ inputs, ...more }));
const fp32 = (name: string, shape: number[], data: number[]) => ({ name, datatype: 'FP32', shape, data });
const int64 = (name: string, shape: number[], data: number[]) => ({ name, datatype: 'INT64', shape, data });

/** `id`: kinds of requests are known by the size of their body, too. */
function rounds(model: 'slow' | 'process', iterations: number, id = ''): Victim {
  return { model, body: json([fp32('x', [4], [1, 2, 3, 4]), int64('iterations', [], [iterations])], { id }) };
}

function rows(count: number): Victim {
  return {
    model: 'wide',
    body: json([
      fp32(
        'x',
        [count, 16],
        Array.from({ length: count * 16 }, (_, at) => at % 7),
      ),
    ]),
  };
}

const quick = rounds('slow', 20);
/** Long enough to be found in its lane. */
const longer = rounds('slow', 800, 'longer'.repeat(100));
const inProcess = rounds('process', 800, 'longer'.repeat(100));

/** Many numbers as JSON; the answer is binary. */
function jsonOf(numbers: number): Victim {
  const data = Array.from({ length: numbers }, (_, at) => at + 0.123456);
  const outputs = [{ name: 'y', parameters: { binary_data: true } }];
  return { model: 'copy', body: json([fp32('x', [1, numbers], data)], { outputs }) };
}

function answerOf(numbers: number, binary: boolean): Victim {
  const body = json([fp32('x', [1], [0.5]), int64('count', [1], [numbers])], {
    outputs: [{ name: 'y', parameters: { binary_data: binary } }],
  });
  return { model: 'expand', body };
}

/** Rounds of the slow model for about so long on a free core. */
const roundsFor = (ms: number) => Math.ceil(ms / 0.3);

/** So long the event loop is held for two requests to arrive in one turn. */
const togetherMs = 200;

export const drills: readonly Drill[] = [
  {
    name: 'another request holds the lane',
    causes: ['lane_wait'],
    alone: quick,
    run: async (service, ms) => {
      const other = await service.caughtInFlight(rounds('slow', roundsFor(2 * ms)));
      const id = await service.send(quick);
      await other.id;
      return id;
    },
  },
  {
    name: 'the model has much to do',
    causes: ['model_run'],
    alone: quick,
    run: (service, ms) => service.send(rounds('slow', roundsFor(ms))),
  },
  {
    name: 'the event loop is held',
    causes: ['event_loop_held'],
    alone: longer,
    tookMsMin: 450,
    run: async (service, ms) => {
      const { id } = await service.caughtInFlight(longer);
      await service.injure('hold', ms + 300);
      return id;
    },
  },
  {
    name: 'garbage is collected',
    causes: ['garbage_collection'],
    alone: longer,
    tookMsMin: 450,
    run: async (service, ms) => {
      await service.injure('fill');
      try {
        const { id } = await service.caughtInFlight(longer);
        await service.injure('collect', ms + 300);
        return await id;
      } finally {
        await service.injure('empty');
      }
    },
  },
  {
    name: 'the service is stopped',
    causes: ['cpu_taken'],
    alone: longer,
    tookMsMin: 600,
    run: async (service, ms) => {
      const { id } = await service.caughtInFlight(longer);
      await service.stopFor(service.pid, ms + 200);
      return id;
    },
  },
  {
    name: 'a lane that is a process is stopped',
    causes: ['cpu_taken'],
    alone: inProcess,
    tookMsMin: 600,
    run: async (service, ms) => {
      const { id } = await service.caughtInFlight(inProcess);
      const [lane] = await service.laneProcesses();
      await service.stopFor(lane!, ms + 200);
      return id;
    },
  },
  {
    name: 'a lane is killed in the middle of a run',
    causes: ['lane_lost'],
    alone: inProcess,
    tookMsMin: 420,
    run: async (service) => {
      const { id } = await service.caughtInFlight(inProcess);
      const [lane] = await service.laneProcesses();
      process.kill(lane!, 'SIGKILL');
      return id;
    },
  },
  {
    name: 'the quota of the cgroup is used up',
    causes: ['cpu_throttled'],
    alone: rounds('slow', 100),
    run: async (service) => {
      await service.limitCpu(8);
      try {
        return await service.send(rounds('slow', 100));
      } finally {
        await service.limitCpu(undefined);
      }
    },
  },
  {
    name: 'a batch is much larger',
    causes: ['batch_larger'],
    alone: rows(1),
    run: async (service) => {
      // Both arrive while the event loop is held, and so in the same turn.
      const together = Promise.withResolvers<void>();
      const sent = [rows(1), rows(255)].map((victim) => service.send({ ...victim, sendsAfter: together.promise }));
      await service.turn();
      const held = service.injure('hold', togetherMs);
      await pause(togetherMs / 4);
      together.resolve();
      const [id] = await Promise.all(sent);
      await held;
      assert.ok(id);
      return id;
    },
  },
  { name: 'much JSON is read', causes: ['decode'], alone: jsonOf(10), run: (service) => service.send(jsonOf(400_000)) },
  {
    name: 'much JSON is written',
    causes: ['encode'],
    alone: answerOf(10, false),
    run: (service) => service.send(answerOf(600_000, false)),
  },
  {
    name: 'the client sends slowly',
    causes: ['client_sending'],
    alone: quick,
    run: (service, ms) => service.send({ ...quick, sendsAfterMs: ms }),
  },
  {
    name: 'the client reads slowly',
    causes: ['client_reading'],
    alone: answerOf(10, true),
    run: (service, ms) => service.send({ ...answerOf(12_000_000, true), readsAfterMs: ms + 400 }),
  },
  {
    name: 'the model has just been loaded',
    causes: ['cold_model'],
    alone: { model: 'hungry', body: json([fp32('x', [1], [1])]) },
    run: async (service) => {
      await service.reload('hungry');
      return service.send({ model: 'hungry', body: json([fp32('x', [1], [1])]) });
    },
  },
];
