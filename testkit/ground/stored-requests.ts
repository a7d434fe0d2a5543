import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { countedInAll, lokiLines, prometheusQuery } from '../backends.ts';
import { traceSpans } from '../trace-spans.ts';
import { waitFor } from '../wait-for.ts';
import type { ComposeGround } from './compose-ground.ts';

export const service = 'http://127.0.0.1:8000';
export const soon = { deadlineMs: 180_000, everyMs: 500 };

const inference = JSON.stringify({
  inputs: [
    { name: 'field', datatype: 'FP32', shape: [1, 2, 2], data: [0.1, -0.3, 0.2, 0.5] },
    { name: 'previous_estimate', datatype: 'FP32', shape: [1, 2, 2], data: [0, 0, 0, 0] },
    { name: 'spectrum', datatype: 'FP32', shape: [2, 2], data: [1, 1, 1, 1] },
    ...Object.entries({ signal: 0.9, noise: 0.4, keep: 0.9, pull: 0.1, momentum: 0 }).map(([name, value]) => ({
      name,
      datatype: 'FP32',
      shape: [1],
      data: [value],
    })),
  ],
});

/** An inference whose trace is stored; answers the id of its trace. */
export async function askInference(apiKey: string): Promise<string> {
  const traceId = randomBytes(16).toString('hex');
  const answer = await fetch(`${service}/v2/models/gaussian-field/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${apiKey}`,
      traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
      'x-vitrine-trace': '1',
    },
    body: inference,
  });
  assert.equal(answer.status, 200, await answer.text());
  return traceId;
}

/** The requests of a test, each of which has to be in Prometheus, Tempo and Loki. */
export class StoredRequests {
  readonly #ground: ComposeGround;
  readonly #traceIds: string[] = [];

  constructor(ground: ComposeGround) {
    this.#ground = ground;
  }

  async ask(): Promise<void> {
    this.#traceIds.push(await askInference(this.#ground.apiKey));
  }

  /** Until every request that was answered is in all three stores, once. */
  async untilStored(): Promise<void> {
    const [prometheus, tempo, loki] = [
      await this.#ground.url('prometheus', 9090),
      await this.#ground.url('tempo', 3200),
      await this.#ground.url('loki', 3100),
    ];
    const counter = 'http_requests_total{endpoint="/v2/models/:model/infer"}';
    const answered = this.#traceIds.length;
    await waitFor(
      'the count in Prometheus',
      async () => (await countedInAll(prometheus, counter)) === answered,
      soon,
    ).catch(async (error: Error) => {
      const found = await prometheusQuery(prometheus, 'http_requests_total');
      throw new Error(`${error.message}: ${answered} were answered, and it has ${JSON.stringify(found)}`, {
        cause: error,
      });
    });
    for (const traceId of this.#traceIds) {
      await waitFor(`the trace ${traceId}`, async () => (await traceSpans(tempo, traceId)) !== undefined, soon);
      await waitFor(
        `the lines of ${traceId}`,
        async () => (await lokiLines(loki, `{service_name="vitrine"} | trace_id="${traceId}"`)).length > 0,
        soon,
      );
    }
  }
}
