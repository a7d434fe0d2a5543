import { ask, askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { ago, dayAndClock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { every } from '../frame/every.ts';
import { hashOf, replaceParameters, type View } from '../route.ts';

type Job = {
  id: string;
  kind: string;
  state: string;
  cancelling?: boolean;
  attempt: number;
  created_at: string;
  started_at?: string;
  ended_at?: string;
  trace_id: string;
  progress?: { ratio?: number; stage?: string };
  failure?: { code: string; error: string };
  links: { cancel?: string; result?: string };
};

const refreshMs = 3_000;
const listed = 200;
const states = ['waiting', 'running', 'done', 'failed', 'cancelled'];

/** Jobs: what waits, what runs and how far it is, what ended and how. */
export const showJobs: View = async (host, { parameters }, signal) => {
  const list = element('div', { class: 'list' });
  const trouble = element('div', {});
  const count = element('span', { class: 'quiet', role: 'status' });
  const select = stateChoice(parameters.get('state') ?? '', (state) => {
    if (state === '') parameters.delete('state');
    else parameters.set('state', state);
    replaceParameters(parameters, true);
    void draw();
  });
  host.append(element('h1', {}, 'Jobs'), element('div', { class: 'toolbar' }, select, count), trouble, list);
  await draw();
  every(refreshMs, () => void (list.contains(document.activeElement) || draw()), signal);

  async function draw(): Promise<void> {
    try {
      const { jobs } = await askJson<{ jobs: Job[] }>(`/v1/jobs?limit=${listed}`, { signal });
      const state = parameters.get('state');
      const shown = jobs.filter((job) => state === null || job.state === state);
      count.textContent = states
        .map((each) => [each, jobs.filter((job) => job.state === each).length] as const)
        .flatMap(([each, many]) => (many > 0 ? [`${many} ${each}`] : []))
        .join(', ');
      list.replaceChildren(
        shown.length > 0
          ? jobTable(shown, cancel)
          : emptyNotice('No job. ', element('a', { href: '#/try' }, 'Make one')),
      );
    } catch (error) {
      if (!isAbort(error)) trouble.replaceChildren(failureNotice(error, () => void draw()));
    }
  }

  async function cancel(path: string): Promise<void> {
    try {
      await ask(path, { method: 'POST', signal });
      trouble.replaceChildren();
    } catch (error) {
      if (!isAbort(error)) trouble.replaceChildren(failureNotice(error));
    }
    await draw();
  }
};

function stateChoice(state: string, onChoice: (state: string) => void): HTMLElement {
  const select = element(
    'select',
    { id: 'job-state', onchange: () => onChoice(select.value) },
    ['', ...states].map((each) => element('option', { value: each, selected: each === state }, each || 'any')),
  );
  return element('div', { class: 'control' }, element('label', { for: 'job-state' }, 'State'), select);
}

function jobTable(jobs: readonly Job[], onCancel: (path: string) => Promise<void>): HTMLElement {
  const heads = ['Job', 'Kind', 'State', 'Made', 'Waited', 'Took', 'Attempt', ''];
  return scrollRegion(
    'Jobs',
    gridTable(
      heads.map((name) =>
        columnHead(
          name,
          ['Waited', 'Attempt'].includes(name) ? 'number minor' : name === 'Took' ? 'number' : undefined,
        ),
      ),
      jobs.map((job) => jobRow(job, onCancel)),
    ),
  );
}

function jobRow(job: Job, onCancel: (path: string) => Promise<void>): HTMLElement {
  const { id, kind, state, created_at, started_at, ended_at, attempt, progress, failure, links, trace_id } = job;
  const between = (from: string | undefined, to: string | undefined) =>
    from === undefined
      ? ''
      : formatValue(((to === undefined ? Date.now() : Date.parse(to)) - Date.parse(from)) / 1000, 's');
  const { cancel } = links;
  return element(
    'tr',
    { class: state === 'failed' ? 'failed' : undefined },
    element('td', { class: 'mono' }, element('a', { href: hashOf(['requests', trace_id]) }, id.slice(0, 8))),
    element('td', {}, kind),
    element(
      'td',
      {},
      element('span', { class: `badge ${badgeOf(state)}` }, job.cancelling ? 'cancelling' : state),
      progress?.ratio !== undefined &&
        state === 'running' &&
        element('progress', { max: 1, value: progress.ratio, 'aria-label': 'How far it is' }),
      failure && element('p', { class: 'bad-text' }, failure.error),
    ),
    element(
      'td',
      {},
      element(
        'time',
        { datetime: created_at, title: dayAndClock(Date.parse(created_at)) },
        ago(Date.parse(created_at)),
      ),
    ),
    element('td', { class: 'number minor' }, between(created_at, started_at ?? ended_at)),
    element('td', { class: 'number' }, between(started_at, ended_at)),
    element('td', { class: 'number minor' }, String(attempt)),
    element(
      'td',
      {},
      cancel !== undefined &&
        element('button', { type: 'button', class: 'small', onclick: () => void onCancel(cancel) }, 'Cancel'),
    ),
  );
}

function badgeOf(state: string): string {
  return state === 'done' ? 'good' : state === 'failed' ? 'bad' : state === 'running' ? 'warn' : '';
}
