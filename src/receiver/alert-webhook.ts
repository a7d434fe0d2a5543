import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseWith } from './parse-with.ts';

/** An alert's state as it was delivered by any sender. */
export type Alert = {
  /** The sender's hash of the labels, or ours where it sent none. */
  fingerprint: string;
  source: 'alertmanager' | 'grafana';
  state: 'firing' | 'resolved';
  name: string;
  severity: 'critical' | 'warning' | 'info' | 'other';
  startsAt: string;
  endsAt: string | undefined;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  links: Record<string, string>;
  /** Something was over a limit and is not complete. */
  cut: boolean;
};

const moment = z.iso.datetime({ offset: true }).max(40);
const texts = z.record(z.string(), z.string());
// A link is a convenience: one that is odd is left out, the alert is not.
const link = z.string().optional();

const alert = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: texts,
  annotations: texts.default({}),
  startsAt: moment,
  endsAt: moment.optional(),
  generatorURL: link,
  fingerprint: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .optional(),
  silenceURL: link,
  dashboardURL: link,
  panelURL: link,
});

const envelope = {
  status: z.enum(['firing', 'resolved']),
  alerts: z.array(alert).min(1),
  externalURL: link,
  truncatedAlerts: z.int().min(0).default(0),
};

const ofAlertmanager = z.object({ ...envelope, version: z.literal('4') });
const ofGrafana = z.object({ ...envelope, orgId: z.int() });

export type AlertWebhook = z.output<typeof ofAlertmanager> | z.output<typeof ofGrafana>;

/** Grafana's webhook is Alertmanager's with fields of its own; it names its organisation. */
export function readAlertWebhook(value: unknown): AlertWebhook {
  const fromGrafana = typeof value === 'object' && value !== null && 'orgId' in value;
  return parseWith(fromGrafana ? ofGrafana : ofAlertmanager, value, 'the webhook');
}

/** The webhook's alerts in our words and within our limits. */
export function alertsOf(webhook: AlertWebhook): Alert[] {
  const source = 'orgId' in webhook ? 'grafana' : 'alertmanager';
  return webhook.alerts.map((given) => {
    const labels = bounded(given.labels, limits.labels, limits.labelChars);
    const annotations = bounded(given.annotations, limits.annotations, limits.annotationChars);
    return {
      fingerprint: given.fingerprint ?? fingerprintOf(given.labels),
      source,
      state: given.status,
      name: labels.texts.alertname ?? 'unnamed',
      severity: severityOf(given.labels.severity),
      startsAt: new Date(given.startsAt).toISOString(),
      // Go's zero time stands for "not yet".
      endsAt:
        given.endsAt === undefined || given.endsAt.startsWith('0001-')
          ? undefined
          : new Date(given.endsAt).toISOString(),
      labels: labels.texts,
      annotations: annotations.texts,
      links: linksOf({
        generator: given.generatorURL,
        sender: webhook.externalURL,
        silence: given.silenceURL,
        dashboard: given.dashboardURL || given.annotations.dashboard,
        panel: given.panelURL,
        runbook: given.annotations.runbook_url ?? given.annotations.runbook,
      }),
      cut: labels.cut || annotations.cut,
    };
  });
}

// Loki takes at most 128 fields with a line, and 64 KB of them. An alert over these limits is
// logged without the rest, and says so.
const limits = {
  labels: 48,
  labelChars: 512,
  annotations: 16,
  annotationChars: 1_500,
  nameChars: 128,
  linkChars: 2_048,
};

function bounded(
  given: Record<string, string>,
  countMax: number,
  charsMax: number,
): { texts: Record<string, string>; cut: boolean } {
  // alertname and severity first, so that they are never what is cut.
  const order = (name: string) => (name === 'alertname' ? 0 : name === 'severity' ? 1 : 2);
  const all = Object.entries(given).sort(([a], [b]) => order(a) - order(b));
  const kept = all.slice(0, countMax);
  return {
    texts: Object.fromEntries(kept.map(([name, value]) => [name.slice(0, limits.nameChars), value.slice(0, charsMax)])),
    cut:
      kept.length < all.length ||
      kept.some(([name, value]) => name.length > limits.nameChars || value.length > charsMax),
  };
}

function severityOf(severity: string | undefined): Alert['severity'] {
  return severity === 'critical' || severity === 'warning' || severity === 'info' ? severity : 'other';
}

function linksOf(given: Record<string, string | undefined>): Record<string, string> {
  const usable = Object.entries(given).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      entry[1].length <= limits.linkChars &&
      /^https?:\/\//i.test(entry[1]) &&
      URL.canParse(entry[1]),
  );
  return Object.fromEntries(usable);
}

function fingerprintOf(labels: Record<string, string>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16);
}
