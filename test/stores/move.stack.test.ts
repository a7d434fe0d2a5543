import assert from 'node:assert/strict';
import type { ComponentName } from '../../launcher/components.ts';
import { storeFor } from '../../src/stores/stores.ts';
import { lokiLines, prometheusQuery, tempoTraceIds } from '../../testkit/backends.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { unbuiltServers } from '../../testkit/unbuilt-servers.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { waitingQueues } from '../../testkit/waiting-queues.ts';
import { startNumberedLoad } from '../collector/numbered-load.ts';
import type { Signal } from '../collector/otlp-json.ts';

const first = 'prometheus,tempo,loki';
const seconds = ['victoriametrics,tempo,victorialogs', 'victoriametrics,jaeger,victorialogs'];
const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];
const deadline = { deadlineMs: 180_000, everyMs: 1_000 };

for (const second of seconds)
  describe(`a move from ${first} to ${second} and back, under load`, function () {
    this.timeout(1_800_000);
    let stack: Stack;

    before(async function () {
      const missing = await unbuiltServers(`${first},${second}`);
      if (missing !== undefined) {
        console.log(`      Skipped: ${missing}.`);
        this.skip();
      }
      stack = await startStack({
        only: ['collector', ...(`${first},${second}`.split(',') as ComponentName[])],
        env: { VITRINE_BACKENDS: first },
      });
    });
    after(() => stack?.close());

    it('loses nothing, and stores twice only what had to be sent again', async () => {
      const load = startNumberedLoad(`http://127.0.0.1:${stack.port('otlpHttpPort')}`, signals);
      const more = async (what: string) => {
        const before = load.sent.traces.size;
        await waitFor(`load ${what}`, () => load.sent.traces.size > before + 100, deadline);
      };
      await more('on the first set');
      await stack.restart('collector', { env: { VITRINE_BACKENDS: second } });
      await more('on the second set');
      await stack.restart('collector', { env: { VITRINE_BACKENDS: first } });
      await more('on the first set again');
      await load.stop();

      for (const signal of signals) {
        const stored = await waitFor(
          `all ${signal}`,
          async () => {
            const [one, other] = [await inFirst(signal), await inSecond(signal)];
            return new Set([...one, ...other]).size >= load.sent[signal].size && { one, other };
          },
          deadline,
        );
        assert.ok(stored.one.length > 0, `${signal} are in the first set`);
        assert.equal(stored.other.length > 0, moves(signal), `${signal} are in the second set`);
        assert.deepEqual(new Set([...stored.one, ...stored.other]), load.sent[signal]);
        const all = [...stored.one, ...stored.other];
        const twice = all.filter((name, at) => all.indexOf(name) !== at);
        assert.deepEqual(
          twice.filter((name) => !load.retried.has(name)),
          [],
          signal,
        );
      }
      const waiting = await waitingQueues(stack.data, first.split(','));
      assert.deepEqual(
        waiting.filter(({ requests }) => requests > 0),
        [],
      );
    });

    async function inFirst(signal: Signal): Promise<string[]> {
      switch (signal) {
        case 'traces':
          return [...(await tempoTraceIds(stack.url('tempo'), '{ resource.service.name = "numbered" }'))].map(String);
        case 'metrics':
          return numbersOf(
            await prometheusQuery(stack.url('prometheus'), 'last_over_time(numbered{job="numbered"}[1h])'),
          );
        case 'logs':
          return (await lokiLines(stack.url('loki'), '{service_name="numbered"}')).map(({ line }) =>
            line.replace('number ', ''),
          );
      }
    }

    /** Whether the second set has another store for it. */
    function moves(signal: Signal): boolean {
      return storeFor(signal, { backends: first }) !== storeFor(signal, { backends: second });
    }

    async function inSecond(signal: Signal): Promise<string[]> {
      if (!moves(signal)) return [];
      switch (signal) {
        case 'traces': {
          const url = new URL('/api/traces', stack.url('jaeger'));
          url.search = String(new URLSearchParams({ service: 'numbered', lookback: '1h', limit: '20000' }));
          const { data } = (await (await fetch(url)).json()) as { data: { traceID: string }[] | null };
          return (data ?? []).map(({ traceID }) => traceID.padStart(32, '0'));
        }
        case 'metrics':
          return numbersOf(
            await prometheusQuery(stack.url('victoriametrics'), 'last_over_time(numbered{job="numbered"}[1h])'),
          );
        case 'logs': {
          const url = new URL('/select/logsql/query', stack.url('victorialogs'));
          url.search = String(new URLSearchParams({ query: '_time:1h {service_name="numbered"} | fields number' }));
          const text = await (await fetch(url)).text();
          return text
            .split('\n')
            .flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { number: string }).number]));
        }
      }
    }
  });

function numbersOf(samples: readonly { labels: Record<string, string> }[]): string[] {
  return samples.map(({ labels }) => labels.number ?? '');
}
