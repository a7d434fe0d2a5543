import type { InstantResult, LogLine } from '../asking/answers.ts';
import { askHealth, type Health } from '../asking/ask-health.ts';
import { logLines, queryInstant } from '../asking/backends.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { ago, dayAndClock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { every } from '../frame/every.ts';
import { processTable } from '../home/home-cards.ts';
import { logTable } from '../request/log-table.ts';
import type { View } from '../route.ts';
import { checkTable } from './check-table.ts';
import { askStarts, type Start } from './restarts.ts';

const everyMs = 10_000;
const daySeconds = 86_400;
const startsMax = 30;

/** What runs: the service and its checks, the servers behind it, and their starts as events. */
export const showStack: View = async (host, _route, signal) => {
  const parts = [
    ['Service', () => drawService(signal)],
    ['Servers', () => drawServers(signal)],
    ['Starts, stops and changes, in the last day', () => drawEvents(signal)],
  ] as const;
  const sections = parts.map(([title]) => element('section', { class: 'card', 'aria-label': title }));
  host.append(
    element('h1', {}, 'Stack'),
    ...sections,
    element(
      'p',
      {},
      element('a', { href: '#/reference/settings' }, 'Settings'),
      ' · ',
      element('a', { href: '/docs' }, 'API'),
    ),
  );
  const draw = () =>
    Promise.all(
      parts.map(async ([title, drawPart], at) => {
        const head = element('h2', {}, title);
        try {
          sections[at]!.replaceChildren(head, ...(await drawPart()));
        } catch (error) {
          if (!isAbort(error)) sections[at]!.replaceChildren(head, failureNotice(error));
        }
      }),
    );
  await draw();
  every(everyMs, () => void (host.contains(document.activeElement) || draw()), signal);
};

async function drawService(signal: AbortSignal): Promise<HTMLElement[]> {
  const health = await askHealth(signal);
  return [serviceFacts(health), checkTable(health), ...(health.processes ? [processTable(health.processes)] : [])];
}

function serviceFacts({ status, state, version, uptime_seconds, requests_in_flight }: Health): HTMLElement {
  const kind = status === 'healthy' ? 'good' : status === 'warning' ? 'warn' : 'bad';
  return element(
    'p',
    { class: 'title-row' },
    element('span', { class: `badge ${kind}` }, status),
    `version ${version}, ${state}, up ${formatValue(uptime_seconds, 's')} (since ${dayAndClock(Date.now() - uptime_seconds * 1000)}), ${requests_in_flight} in flight`,
  );
}

type Server = {
  name: string;
  instance: string;
  isUp: boolean;
  startedMs: number | undefined;
  memory: number | undefined;
};

async function drawServers(signal: AbortSignal): Promise<HTMLElement[]> {
  const ask = (query: string) => queryInstant({ query }, signal);
  const [up, started, memory, changes] = await Promise.all([
    ask('up'),
    ask('max by (job, instance) (process_start_time_seconds or otelcol_process_start_time_seconds)').catch(() => []),
    ask('max by (job, instance) (process_resident_memory_bytes)').catch(() => []),
    ask('sum by (job, instance) (changes(process_start_time_seconds[24h]))').catch(() => []),
  ]);
  const valueFor = (rows: readonly InstantResult[], { job, instance }: Record<string, string>) => {
    const found = rows.find(({ metric }) => metric.job === job && metric.instance === instance);
    return found && Number(found.value[1]);
  };
  const servers = up.map(({ metric, value }): Server & { restarts: number | undefined } => {
    const startedAt = valueFor(started, metric);
    return {
      name: metric.job ?? '',
      instance: metric.instance ?? '',
      isUp: value[1] === '1',
      startedMs: startedAt && startedAt * 1000,
      memory: valueFor(memory, metric),
      restarts: valueFor(changes, metric),
    };
  });
  if (servers.length === 0) return [emptyNotice('Prometheus reads no server.')];
  return [
    scrollRegion(
      'Servers',
      gridTable(
        ['Server', 'Address', 'State', 'Up since', 'Restarts, last day', 'Memory'].map((name, at) =>
          columnHead(name, at > 3 ? 'number' : at === 1 ? 'minor' : undefined),
        ),
        servers
          .sort((a, b) => Number(a.isUp) - Number(b.isUp) || a.name.localeCompare(b.name))
          .map(({ name, instance, isUp, startedMs, memory: bytes, restarts }) =>
            element(
              'tr',
              { class: isUp ? undefined : 'failed' },
              element('th', { scope: 'row' }, name),
              element('td', { class: 'mono minor' }, instance),
              element('td', {}, element('span', { class: `badge ${isUp ? 'good' : 'bad'}` }, isUp ? 'up' : 'down')),
              element('td', {}, startedMs === undefined ? '–' : ago(startedMs)),
              element('td', { class: 'number' }, restarts === undefined ? '–' : String(restarts)),
              element('td', { class: 'number' }, formatValue(bytes, 'bytes')),
            ),
          ),
      ),
    ),
  ];
}

async function drawEvents(signal: AbortSignal): Promise<HTMLElement[]> {
  const [starts, lines] = await Promise.all([askStarts(signal), askEvents(signal)]);
  return [
    startList(starts),
    lines.length === 0
      ? emptyNotice('No release or change was recorded.')
      : logTable(lines, { label: 'Releases and changes' }),
  ];
}

/** A server that started more than once was restarted. */
function startList(starts: readonly Start[]): HTMLElement {
  if (starts.length === 0) return emptyNotice('No server started in the last day.');
  const isRestart = ({ server, instance, atMs }: Start) =>
    starts.some((each) => each.server === server && each.instance === instance && each.atMs < atMs);
  return element(
    'ul',
    { class: 'short-list' },
    starts
      .slice(0, startsMax)
      .map((start) =>
        element(
          'li',
          {},
          element('time', { class: 'mono', datetime: new Date(start.atMs).toISOString() }, dayAndClock(start.atMs)),
          element('span', {}, `${start.server} ${isRestart(start) ? 'restarted' : 'started'}`),
          element('span', { class: 'quiet' }, `${start.instance}, ${ago(start.atMs)}`),
        ),
      ),
  );
}

function askEvents(signal: AbortSignal): Promise<LogLine[]> {
  const now = Math.ceil(Date.now() / 1000);
  return logLines(
    {
      query:
        '{service_name=~"vitrine.*"} | event_type=~"deploy|model_load|model_repository|settings_changed|service_start|service_stop|process_ended|processes_restart"',
      start: `${now - daySeconds}000000000`,
      end: `${now}000000000`,
      limit: 100,
      direction: 'backward',
    },
    signal,
  );
}
