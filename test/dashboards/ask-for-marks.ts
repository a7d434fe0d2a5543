import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards } from '../../observability/dashboards/dashboards.ts';
import { lokiLines } from '../../testkit/backends.ts';
import type { Stack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';

type Mark = {
  name: string;
  enable: boolean;
  builtIn?: number;
  datasource: { type: string };
  target: { expr: string };
  titleFormat: string;
};

const deadline = { deadlineMs: 60_000, everyMs: 500 };

/**
 * The marks over time, by the queries that stand in the dashboards’ files, worded as Grafana words
 * them.
 */
export function askForMarks(stack: () => Stack): void {
  it('are the same on all dashboards; alerts are on where one looks first', () => {
    const all = dashboards.map(({ name }) => ({ name, marks: marksOf(name) }));
    const withoutSwitch = ({ enable: _, ...mark }: Mark) => mark;
    for (const { marks } of all) assert.deepEqual(marks.map(withoutSwitch), all[0]!.marks.map(withoutSwitch));
    assert.deepEqual(
      all.flatMap(({ name, marks }) => (marks.find((mark) => mark.name === 'Alerts')?.enable ? [name] : [])).toSorted(),
      ['inference', 'overview', 'service'],
    );
    for (const { marks } of all) for (const { name, enable } of marks) if (name !== 'Alerts') assert.ok(enable, name);
  });

  it('are made of a release that was told to the receiver', () => drawn('Releases', /^Release of vitrine 1\.2\.3$/));

  it('are made of a model’s load', () => drawn('Model loads', /^Model perceptron 1: success$/));

  it('are made of the start of the service', () => drawn('Service starts', /^The service started$/));

  it('are made of an alert that begins, once, and of no watchdog; the receiver lists it', async () => {
    const alerts = marksOf('overview').find(({ name }) => name === 'Alerts')!;
    const end = Date.now() / 1000;
    await waitFor(
      'the alert ModelFailing',
      async () => {
        const query = new URLSearchParams({
          query: alerts.target.expr,
          start: String(end - 1200),
          end: String(Date.now() / 1000),
          step: '5',
        });
        const response = await fetch(`${stack().url('prometheus')}/api/v1/query_range?${query}`);
        const { data } = (await response.json()) as { data: { result: { metric: { alertname: string } }[] } };
        const names = data.result.map(({ metric }) => metric.alertname);
        assert.ok(!names.includes('Watchdog'));
        return names.includes('ModelFailing');
      },
      deadline,
    );
    const answer = await fetch(`${stack().url('receiver')}/alerts`);
    const { alerts: listed } = (await answer.json()) as { alerts: { name: string; labels: Record<string, string> }[] };
    assert.ok(listed.some(({ name, labels }) => name === 'ModelFailing' && labels.model === 'gather'));
  });

  async function drawn(name: string, title: RegExp): Promise<void> {
    const mark = marksOf('overview').find((one) => one.name === name);
    let titles: string[] = [];
    await waitFor(
      `${name}: ${title}`,
      async () => {
        const lines = await lokiLines(stack().url('loki'), mark!.target.expr);
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
