import { askJson } from '../asking/ask.ts';
import { askReference } from '../reference/ask-reference.ts';
import type { ListedRequest } from '../request/flight-record.ts';
import type { Found } from './found.ts';
import { views } from './views.ts';

const requestsMax = 200;

/** All that is found without asking anybody. */
export function findableViews(): Found[] {
  return Object.entries(views)
    .filter(([, { within }]) => within === undefined)
    .map(([name, { title }]) => ({ kind: 'view', name: title, says: '', href: `#/${name}` }));
}

/** Everything else, a part at a time; what could not be asked is left out. */
export function findableParts(signal: AbortSignal): Promise<Found[]>[] {
  return [models(signal), requests(signal), dashboards(signal), reference(signal)].map((part) => part.catch(() => []));
}

async function models(signal: AbortSignal): Promise<Found[]> {
  const listed = await askJson<{ name: string; state: string }[]>('/v2/repository/index', {
    method: 'POST',
    body: '{}',
    signal,
  });
  return [...Map.groupBy(listed, ({ name }) => name)].map(([name, versions]) => ({
    kind: 'model',
    name,
    says: versions.some(({ state }) => state === 'READY') ? 'ready' : 'not ready',
    href: `#/models?model=${encodeURIComponent(name)}`,
  }));
}

async function requests(signal: AbortSignal): Promise<Found[]> {
  const listed = await Promise.all(
    (['recent', 'failed'] as const).map((order) =>
      askJson<{ requests: ListedRequest[] }>(`/v1/requests?${order}=${requestsMax}&minutes=60`, { signal }),
    ),
  );
  const all = new Map(listed.flatMap(({ requests: some }) => some).map((each) => [each.trace_id, each]));
  return [...all.values()].map((each) => ({
    kind: 'request',
    name: `${each.method} ${each.route} ${each.status}`,
    says: [each.failure, each.model, each.tenant, each.request_id, each.trace_id].filter(Boolean).join(' · '),
    href: `#/requests/${each.trace_id}`,
  }));
}

async function dashboards(signal: AbortSignal): Promise<Found[]> {
  const { dashboards: listed } = await askJson<{ dashboards: { uid: string; title: string; description: string }[] }>(
    '/page/dashboards',
    { signal },
  );
  return listed.map(({ uid, title, description }) => ({
    kind: 'dashboard',
    name: title.replace(/^Vitrine: /, ''),
    says: description,
    href: `#/dashboards/${uid}`,
  }));
}

async function reference(signal: AbortSignal): Promise<Found[]> {
  const { settings, failures, runbooks } = await askReference(signal);
  return [
    ...runbooks.map((name) => ({ kind: 'runbook', name, says: '', href: `#/runbooks/${encodeURIComponent(name)}` })),
    ...failures.map(({ code, status, means }) => ({
      kind: 'error',
      name: code,
      says: `${status} · ${means}`,
      href: `#/reference/errors/${code}`,
    })),
    ...settings.map(({ name, says }) => ({ kind: 'setting', name, says, href: `#/reference/settings/${name}` })),
  ];
}
