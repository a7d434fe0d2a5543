import assert from 'node:assert/strict';
import { questionNames } from '../../src/api/mcp/metric-questions.ts';
import type { Stack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { adminToken } from '../dashboards/watched-stack.ts';
import { type Assistant, assistantOverHttp } from './assistant.ts';

type Measured = { series: { of: Record<string, string>; value: number }[] };

/** What an assistant learns from the stores of a stack with traffic. */
export function askTheStores(stack: () => Stack): void {
  let assistant: Assistant;

  before(async () => {
    assistant = await assistantOverHttp(stack().url('service'), { key: adminToken });
  });

  after(async () => assistant?.[Symbol.asyncDispose]());

  it('answers every question about metrics', async () => {
    for (const question of questionNames) {
      const { parts, ...answer } = await assistant.ask<Record<string, { now: Measured }> & { parts?: undefined }>(
        'metrics',
        { question, minutes: 10 },
      );
      assert.equal(parts, undefined);
      const found = Object.values(answer).flatMap((part) => part?.now?.series ?? []);
      if (question !== 'refusals') assert.ok(found.length > 0, `${question}: ${JSON.stringify(answer)}`);
    }
  });

  it('answers a question about one model, now and before', async () => {
    const answer = await assistant.ask<{ p95: { now: Measured; before: Measured } }>('metrics', {
      question: 'latency',
      model: 'perceptron',
      minutes: 10,
      before_minutes: 60 * 24,
    });
    assert.ok(answer.p95.now.series.every(({ of }) => of.model === 'perceptron'));
    assert.ok(answer.p95.now.series.length > 0 && answer.p95.before.series.length === 0);
  });

  it('lists what fires, with a runbook that there is', async () => {
    const { alerts } = await waitFor(
      'an alert',
      async () => {
        const found = await assistant.ask<{ firing: number; alerts: { alert: string; runbook: string }[] }>('alerts');
        return found.firing > 0 && found;
      },
      { deadlineMs: 120_000 },
    );
    assert.match(await assistant.use('runbook', { name: alerts[0]!.runbook }), /^# /);
  });

  it('shows the trace and the log lines of a request that failed', async () => {
    const { requests } = await assistant.ask<{ requests: { trace_id: string; kept: string | null }[] }>(
      'find_requests',
      { order: 'failed', count: 5, fault: 'server' },
    );
    const id = requests.find(({ kept }) => kept !== null)!.trace_id;
    const traced = await waitFor(
      'its spans',
      async () => {
        const answer = await assistant.ask<{ spans: { spans: { name: string }[] } }>('trace', { id });
        return typeof answer.spans === 'object' && answer;
      },
      { deadlineMs: 60_000 },
    );
    assert.ok(traced.spans.spans.length > 1);
    const { lines } = await waitFor(
      'its lines',
      async () => {
        const answer = await assistant.ask<{ lines: { says: string; level: string }[] }>('logs', { id });
        return answer.lines.length > 0 && answer;
      },
      { deadlineMs: 60_000 },
    );
    assert.ok(lines.every(({ says }) => says.length > 0));
  });
}
