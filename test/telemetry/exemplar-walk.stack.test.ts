import assert from 'node:assert/strict';
import type { flightAnswer } from '../../src/api/requests/flight-answer.ts';
import { lokiLines } from '../../testkit/backends.ts';
import { slowInBatches, writeModel } from '../../testkit/models/models.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const deadline = { deadlineMs: 90_000, everyMs: 500 };

describe('an exemplar', function () {
  this.timeout(300_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let stack: Stack;

  before(async () => {
    folder = await temporaryFolder();
    await writeModel(folder.path, 'batched', slowInBatches(100), { manifest: { batching: { rows_max: 8 } } });
    stack = await startStack({
      only: ['service', 'collector', 'prometheus', 'tempo', 'loki'],
      env: {
        VITRINE_MODELS: folder.path,
        VITRINE_TRACE_FIRST_PER_SECOND: '100000',
        VITRINE_COLLECTOR_FLUSH_MS: '500',
      },
    });
    await waitFor(
      'the model',
      async () => (await fetch(`${stack.url('service')}/v2/models/batched/ready`)).ok,
      deadline,
    );
  });

  after(async () => {
    await stack?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it('leads from the metric to the trace, its log line, its batch, its mates, and back', async () => {
    const sent = new Set<string>();
    const seen = new Set<string>();
    // The last of a bucket becomes the exemplar: more are sent until one of
    // those that shared a batch is.
    let shared: Awaited<ReturnType<typeof openExemplar>> | undefined;
    for (let round = 1; !shared; round += 1) {
      assert.ok(round <= 10, 'of twelve requests at once, all but the first share a batch');
      for (const id of await Promise.all(Array.from({ length: 12 }, () => infer()))) sent.add(id);
      // The metric: latency by model.
      const exemplars = await waitFor(
        'exemplars of latency by model',
        async () => {
          const found = await exemplarsOf('{model="batched"}');
          const others = found.filter(({ traceId }) => !seen.has(traceId));
          return others.length > 0 && others;
        },
        deadline,
      );
      for (const { traceId } of exemplars) {
        assert.ok(sent.has(traceId));
        seen.add(traceId);
      }
      const opened = await Promise.all(exemplars.map(openExemplar));
      shared = opened.find(({ run }) => Number(run.attributes['inference.batch.requests']) > 1);
    }

    const [batch] = await traceOf(shared.batchId, ({ name }) => name === 'inference.batch');
    assert.equal(batch?.attributes['inference.batch.closed_by'], shared.run.attributes['inference.batch.closed_by']);
    assert.equal(batch?.links.length, Number(shared.run.attributes['inference.batch.requests']));

    // The batch leads back to where we came from, and on to the batch, whose traces and lines are there
    // too.
    assert.ok(batch.links.some(({ traceId, spanId }) => traceId === shared.traceId && spanId === shared.run.spanId));
    for (const link of batch.links) {
      const mate = await traceOf(link.traceId, ({ spanId }) => spanId === link.spanId);
      const run = mate.find(({ spanId }) => spanId === link.spanId);
      assert.deepEqual(run?.links, [{ traceId: shared.batchId, spanId: batch.spanId }]);
      assert.ok((await linesOf(link.traceId)).length > 0);
    }

    // The flight recorder says the same, without any backend.
    const answer = await fetch(`${stack.url('service')}/v1/requests/${shared.traceId}`);
    const flight = (await answer.json()) as ReturnType<typeof flightAnswer>;
    assert.equal(flight.batch?.trace_id, shared.batchId);
    assert.deepEqual(
      new Set([shared.traceId, ...(flight.batch_mates?.known.map(({ trace_id }) => trace_id) ?? [])]),
      new Set(batch.links.map(({ traceId }) => traceId)),
    );
  });

  /**
   * It opens in Tempo, as a request to this model, and has its line in Loki; its run leads to the
   * batch, which is a trace of its own.
   */
  async function openExemplar({ traceId, spanId }: { traceId: string; spanId: string }) {
    const spans = await traceOf(traceId, ({ name }) => name === 'inference.send');
    const server = spans.find((span) => span.spanId === spanId);
    assert.equal(server?.attributes['inference.model.name'], 'batched');
    assert.equal(server?.attributes.tenant, 'anonymous');
    const lines = await linesOf(traceId);
    assert.match(lines[0]?.line ?? '', /^POST \/v2\/models\/:model\/infer 200/);
    const run = spans.find(({ name }) => name === 'inference.run');
    assert.equal(run?.links.length, 1, 'the run is linked with its batch');
    return { traceId, run, batchId: run.links[0]!.traceId };
  }

  /** Sends one request and answers its trace id. */
  async function infer(): Promise<string> {
    const answer = await fetch(`${stack.url('service')}/v2/models/batched/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }] }),
    });
    assert.equal(answer.status, 200, await answer.text());
    return answer.headers.get('traceresponse')?.split('-')[1] ?? '';
  }

  async function exemplarsOf(selector: string): Promise<{ traceId: string; spanId: string }[]> {
    const url = new URL('/api/v1/query_exemplars', stack.url('prometheus'));
    url.searchParams.set('query', `inference_request_duration_seconds_bucket${selector}`);
    url.searchParams.set('start', String(Date.now() / 1000 - 600));
    url.searchParams.set('end', String(Date.now() / 1000 + 60));
    const { data } = (await (await fetch(url)).json()) as {
      data: { exemplars: { labels: { trace_id: string; span_id: string } }[] }[];
    };
    const found = data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
    return [...new Map(found.map((labels) => [labels.trace_id, labels])).values()].map((labels) => ({
      traceId: labels.trace_id,
      spanId: labels.span_id,
    }));
  }

  function linesOf(traceId: string) {
    return waitFor(
      `the log line of ${traceId}`,
      async () => {
        const lines = await lokiLines(stack.url('loki'), `{service_name="vitrine"} | trace_id="${traceId}"`);
        return lines.length > 0 && lines;
      },
      deadline,
    );
  }

  /** The spans of a trace in Tempo, once there is one that `isIt`. */
  function traceOf(traceId: string, isIt: (span: ToldSpan) => boolean): Promise<ToldSpan[]> {
    return waitFor(
      `the trace ${traceId}`,
      async () => {
        const answer = await fetch(`${stack.url('tempo')}/api/traces/${traceId}`);
        if (!answer.ok) return undefined;
        const spans = spansIn((await answer.json()) as TempoTrace);
        return spans.some(isIt) && spans;
      },
      deadline,
    );
  }
});

type ToldSpan = {
  name: string;
  spanId: string;
  attributes: Record<string, string>;
  links: { traceId: string; spanId: string }[];
};

type TempoTrace = {
  batches: {
    scopeSpans: {
      spans: {
        name: string;
        spanId: string;
        attributes?: { key: string; value: Record<string, string> }[];
        links?: { traceId: string; spanId: string }[];
      }[];
    }[];
  }[];
};

function spansIn({ batches }: TempoTrace): ToldSpan[] {
  const spans = batches.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  return spans.map(({ name, spanId, attributes = [], links = [] }) => ({
    name,
    spanId: asHex(spanId),
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])])),
    links: links.map((link) => ({ traceId: asHex(link.traceId), spanId: asHex(link.spanId) })),
  }));
}

/** Tempo writes ids as JSON writes bytes: in base 64. */
function asHex(id: string): string {
  return /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/.test(id) ? id : Buffer.from(id, 'base64').toString('hex');
}
