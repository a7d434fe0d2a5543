import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** After a failure, as a caller would wait: a refusal takes no time. */
const afterFailureMs = 100;

type Sending = { readonly key: string; readonly agent: Agent; readonly body: string };

export type LoadFailure = { readonly atMs: number; readonly what: string };
export type LoadResult = { readonly answered: number; readonly failures: readonly LoadFailure[] };

/**
 * Inferences one after the other on a few kept connections, until it is stopped. Every request that
 * is not answered with 200 is a failure.
 */
export async function steadyLoad(url: string, key: string, { connections = 4, model = 'silero-vad' } = {}) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const place = `${url}/v2/models/${model}`;
  const body = await smallestRequest(place, key);
  const stopping = new AbortController();
  const failures: LoadFailure[] = [];
  let answered = 0;
  const work = async () => {
    while (!stopping.signal.aborted) {
      const what = await infer(place, { key, agent, body });
      if (what === undefined) answered += 1;
      else {
        failures.push({ atMs: Date.now(), what });
        await pause(afterFailureMs);
      }
    }
  };
  const running = Promise.all(Array.from({ length: connections }, work));
  return {
    answered: () => answered,
    async stop(): Promise<LoadResult> {
      stopping.abort();
      await running;
      agent.destroy();
      return { answered, failures };
    },
  };
}

/** One row of noughts for each input, as the model says its inputs are. */
async function smallestRequest(place: string, key: string): Promise<string> {
  const answer = await fetch(place, { headers: { 'x-api-key': key } });
  const { inputs } = (await answer.json()) as { inputs: { name: string; datatype: string; shape: number[] }[] };
  return JSON.stringify({
    inputs: inputs.map(({ name, datatype, shape }) => {
      const own = shape.map((size) => (size < 0 ? 1 : size));
      return { name, datatype, shape: own, data: new Array(own.reduce((all, size) => all * size, 1)).fill(0) };
    }),
  });
}

/** Undefined when it was answered with 200, else what happened. */
function infer(place: string, { key, agent, body }: Sending): Promise<string | undefined> {
  return new Promise((done) => {
    const sent = request(
      `${place}/infer`,
      { method: 'POST', agent, timeout: 30_000, headers: { 'content-type': 'application/json', 'x-api-key': key } },
      (answer) => {
        answer.resume().once('end', () => done(answer.statusCode === 200 ? undefined : `status ${answer.statusCode}`));
        answer.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
      },
    );
    sent.once('timeout', () => sent.destroy(new Error('no answer within 30 s')));
    sent.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    sent.end(body);
  });
}
