import { z } from 'zod';
import { metricQuestion, metricQuestions, questionNames } from './metric-questions.ts';
import { type Ask, type Tool, tool } from './tool.ts';

const seriesMax = 30;
const windowMinutesMax = 7 * 24 * 60;
/** In the order of what to look at first. */
const severities = ['critical', 'warning', 'info'];

/** What the stores of metrics and alerts know. */
export const storeTools: readonly Tool[] = [
  tool({
    name: 'metrics',
    title: 'Metrics, by question',
    description: [
      'The answer of the store of metrics to a named question, now and, with before_minutes, as it was before:',
      ...Object.entries(metricQuestions).map(([name, { asks }]) => `${name}: ${asks}`),
    ].join('\n'),
    input: z.object({
      question: z.enum(questionNames),
      model: z.string().max(256).optional().describe('Only of this model, where the question is about models.'),
      minutes: z.int().min(1).max(windowMinutesMax).default(5).describe('The window of rates and counts.'),
      before_minutes: z
        .int()
        .min(1)
        .max(windowMinutesMax)
        .optional()
        .describe('Also as it was so many minutes ago: 1440 is yesterday.'),
    }),
    answer: async ({ question, model, minutes, before_minutes: before }, ask) => {
      const { asks, parts } = metricQuestion(question);
      const answers = await Promise.all(
        Object.entries(parts).map(async ([name, { unit, expr }]) => {
          const query = expr({ window: `${minutes}m`, model });
          const now = await measured(query, undefined, ask);
          const then = before === undefined ? undefined : await measured(query, Date.now() - before * 60_000, ask);
          return [name, { unit, query, now, ...(then && { before: then }) }];
        }),
      );
      return {
        question,
        asks,
        minutes,
        ...(before !== undefined && { before_minutes: before }),
        ...Object.fromEntries(answers),
      };
    },
  }),
  tool({
    name: 'alerts',
    title: 'Alerts that fire',
    description:
      'What fires now, the worst first: since when, what it says, and the name of its runbook, which the tool `runbook` shows.',
    input: z.object({ silenced: z.boolean().default(false).describe('Also what somebody has silenced.') }),
    answer: async ({ silenced }, ask) => {
      const alerts = (await ask('/backends/alertmanager/api/v2/alerts')) as Alert[];
      const shown = alerts
        .filter(({ labels }) => labels.alertname !== 'Watchdog')
        .filter(({ status }) => silenced || status.silencedBy.length === 0)
        .map(alertLine)
        .sort((one, other) => rankOf(one.severity) - rankOf(other.severity) || other.since.localeCompare(one.since));
      return { firing: shown.length, alerts: shown };
    },
  }),
  tool({
    name: 'runbook',
    title: 'The runbook of an alert',
    description: 'What to check first, the impact, how to diagnose and how to fix it, in Markdown.',
    input: z.object({
      name: z
        .string()
        .regex(/^\w{1,100}$/)
        .describe('As `alerts` names it, such as HighErrorRate.'),
    }),
    answer: ({ name }, ask) => ask(`/page/runbooks/${name}`),
  }),
];

async function measured(query: string, atMs: number | undefined, ask: Ask) {
  const parameters = new URLSearchParams({ query });
  if (atMs !== undefined) parameters.set('time', (atMs / 1000).toFixed(3));
  const answer = (await ask(`/backends/prometheus/api/v1/query?${parameters}`)) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  const all = answer.data.result
    .map(({ metric, value }) => ({ of: metric, value: Number(value[1]) }))
    .filter(({ value }) => Number.isFinite(value))
    .sort((one, other) => other.value - one.value);
  return { series_in_all: all.length, series: all.slice(0, seriesMax) };
}

type Alert = {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  status: { state: string; silencedBy: string[] };
};

function alertLine({ labels, annotations, startsAt, status }: Alert) {
  const { alertname = '', severity = '', ...of } = labels;
  const { runbook_url: url = '', runbook = url, ...says } = annotations;
  const name = /(\w+)\.md$/.exec(runbook)?.[1] ?? alertname;
  return {
    alert: alertname,
    severity,
    since: startsAt,
    silenced: status.silencedBy.length > 0,
    of,
    says,
    runbook: name,
  };
}

function rankOf(severity: string): number {
  const at = severities.indexOf(severity);
  return at < 0 ? severities.length : at;
}
