import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards } from '../../observability/dashboards/dashboards.ts';
import { lokiLines } from '../../testkit/backends.ts';
import type { Stack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';

type Mark = { name: string; enable: boolean; datasource: { uid: string }; expr: string; titleFormat: string };

const deadline = { deadlineMs: 60_000, everyMs: 500 };

/**
 * The marks over time, by the queries that stand in the dashboards’ files, worded as Grafana words
 * them.
 */
export function askForMarks(stack: () => Stack): void {
  it('are the same on all dashboards, and on', () => {
    const [first, ...others] = dashboards.map(({ name }) => marksOf(name));
    for (const marks of others) assert.deepEqual(marks, first);
    assert.deepEqual(
      first?.map(({ name, enable, datasource }) => [name, enable, datasource.uid]),
      ['Releases', 'Model loads', 'Alerts'].map((name) => [name, true, 'loki']),
    );
  });

  it('are made of a release that was told to the receiver', () => drawn('Releases', /^Release of vitrine 1\.2\.3$/));

  it('are made of a model’s load', () => drawn('Model loads', /^Model perceptron 1: success$/));

  it('are made of an alert that Alertmanager told the receiver, which lists it', async () => {
    await drawn('Alerts', /^Alert Watchdog: firing$/);
    await drawn('Alerts', /^Alert ModelFailing: firing$/);
    const answer = await fetch(`${stack().url('receiver')}/alerts`);
    const { alerts } = (await answer.json()) as { alerts: { name: string; labels: Record<string, string> }[] };
    assert.ok(alerts.some(({ name, labels }) => name === 'ModelFailing' && labels.model === 'gather'));
  });

  async function drawn(name: string, title: RegExp): Promise<void> {
    const mark = marksOf('overview').find((one) => one.name === name);
    let titles: string[] = [];
    await waitFor(
      `${name}: ${title}`,
      async () => {
        const lines = await lokiLines(stack().url('loki'), mark!.expr);
        titles = lines.map(({ labels }) => worded(mark!.titleFormat, labels));
        return titles.some((one) => title.test(one));
      },
      deadline,
    ).catch((cause: unknown) => {
      throw new Error(`Not among ${JSON.stringify([...new Set(titles)])}`, { cause });
    });
  }
}

function marksOf(dashboard: string): Mark[] {
  const file = join(import.meta.dirname, `../../grafana/dashboards/${dashboard}.json`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { annotations: { list: Mark[] } }).annotations.list;
}

/** A word that the line does not have stays in its braces, so that it is seen. */
function worded(title: string, labels: Readonly<Record<string, string>>): string {
  return title.replaceAll(/\{\{(\w+)\}\}/g, (braces, label: string) => labels[label] ?? braces);
}
