import { askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable } from '../dom/grid-table.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import { pressTwice } from '../dom/press-twice.ts';
import { formatValue } from '../format/format-value.ts';
import type { ModelUse } from '../home/home-facts.ts';
import { recentUse } from './recent-use.ts';

type Padding = { dimensions: readonly string[]; is_followed: boolean; reason: string };
type Batching = { rows_max: number; from: 'file' | 'proof' | 'shapes'; reason: string; padding?: Padding };
type Step = { name: string; model?: string; operation?: string };
export type Listed = {
  name: string;
  version: string;
  state: string;
  reason: string;
  vitrine?: { batching: Batching; steps?: readonly Step[] };
};
export type Statistics = {
  name: string;
  version: string;
  inference_count: number;
  execution_count: number;
  inference_stats: Record<'success' | 'fail' | 'queue' | 'compute_infer', { count: number; ns: number }>;
};

/** One model: state, versions, figures, manifest, and its buttons. */
export function modelCard(
  name: string,
  {
    versions,
    statistics,
    uses,
  }: { versions: readonly Listed[]; statistics: readonly Statistics[]; uses: readonly ModelUse[] | undefined },
  { onChange, signal }: { onChange: (what: 'load' | 'unload') => void; signal: AbortSignal },
): HTMLElement {
  const state = versions.find((each) => each.state === 'READY')?.state ?? versions[0]?.state ?? 'UNAVAILABLE';
  const manifest = element(
    'details',
    { ontoggle: () => void showManifest(name, manifest, signal) },
    element('summary', {}, 'Manifest'),
  );
  return element(
    'section',
    { class: 'card model', 'aria-label': name },
    element('header', { class: 'title-row' }, element('h2', {}, name), stateBadge(state)),
    versions.flatMap(({ version, state: one, reason }) =>
      reason === ''
        ? []
        : [element('p', { class: one === 'READY' ? 'quiet' : 'bad-text' }, `Version ${version}: ${reason}`)],
    ),
    element(
      'dl',
      { class: 'facts' },
      element('dt', {}, versions.length === 1 ? 'version' : 'versions'),
      element('dd', {}, versions.map(({ version }) => version).join(', ')),
      versions.flatMap(batchingFact),
      statistics.flatMap(taken),
    ),
    recentUse(name, uses),
    manifest,
    buttons(name, state === 'READY', onChange),
  );
}

function batchingFact({ version, vitrine }: Listed): HTMLElement[] {
  if (!vitrine) return [];
  if (vitrine.steps) {
    const steps = vitrine.steps.map(({ name, model, operation }) => `${name} (${model ?? operation})`);
    return [element('dt', {}, 'steps'), element('dd', {}, steps.join(', '))];
  }
  const { rows_max: rows, reason, padding } = vitrine.batching;
  const what = rows === 0 ? 'each request runs alone' : `up to ${rows} rows a run`;
  const facts = [element('dt', {}, 'batching'), element('dd', {}, `version ${version}: ${what} (${reason})`)];
  return padding ? [...facts, element('dt', {}, 'padding'), element('dd', {}, paddingText(padding))] : facts;
}

function paddingText({ dimensions, is_followed: isFollowed, reason }: Padding): string {
  return `${isFollowed ? `along ${dimensions.join(', ')}` : 'off'} (${reason})`;
}

function buttons(name: string, isReady: boolean, onChange: (what: 'load' | 'unload') => void): HTMLElement {
  const of = `model=${encodeURIComponent(name)}`;
  return element(
    'div',
    { class: 'row' },
    isReady && element('a', { class: 'button small', href: `#/try/model?${of}` }, 'Try'),
    element('a', { class: 'button small', href: `#/requests?${of}` }, 'Its requests'),
    element(
      'a',
      { class: 'button small', href: `#/dashboards/vitrine-model?var-model=${encodeURIComponent(name)}` },
      'Dashboard',
    ),
    isReady && element('a', { class: 'button small', href: `#/what-if?${of}` }, 'What if'),
    element('button', { type: 'button', class: 'small', onclick: () => onChange('load') }, isReady ? 'Reload' : 'Load'),
    isReady && pressTwice('Unload', `Unload ${name} now`, () => onChange('unload')),
  );
}

async function showManifest(name: string, into: HTMLElement, signal: AbortSignal): Promise<void> {
  if (into.children.length > 1) return;
  const [metadata, config] = await Promise.all(
    ['', '/config'].map((part) => askJson<unknown>(`/v2/models/${encodeURIComponent(name)}${part}`, { signal })),
  ).catch((error: unknown) => {
    if (!isAbort(error)) into.append(failureNotice(error));
    return [];
  });
  if (metadata === undefined) return;
  into.append(
    tensors(metadata as Metadata),
    element('pre', { tabindex: 0 }, element('code', {}, JSON.stringify(config, null, 2))),
  );
}

type Metadata = { inputs?: Tensor[]; outputs?: Tensor[] };
type Tensor = { name: string; datatype: string; shape: number[] };

function tensors({ inputs = [], outputs = [] }: Metadata): HTMLElement {
  const rows = (kind: string, list: Tensor[]) =>
    list.map(({ name, datatype, shape }) =>
      element(
        'tr',
        {},
        [kind, name, datatype, `[${shape.join(', ')}]`].map((text) => element('td', {}, text)),
      ),
    );
  return gridTable(
    ['', 'Name', 'Type', 'Shape'].map((text) => columnHead(text)),
    [rows('in', inputs), rows('out', outputs)],
  );
}

function taken({ inference_stats: stats, inference_count, execution_count }: Statistics): HTMLElement[] {
  const mean = ({ count, ns }: { count: number; ns: number }) =>
    count === 0 ? '–' : formatValue(ns / count / 1e9, 's');
  const facts: [string, string][] = [
    [
      'requests',
      `${formatValue(stats.success.count)}${stats.fail.count > 0 ? `, ${formatValue(stats.fail.count)} failed` : ''}`,
    ],
    ['mean time', stats.success.count === 0 ? '–' : `${mean(stats.success)}, queue wait ${mean(stats.queue)}`],
    ['rows per batch', execution_count === 0 ? '–' : formatValue(inference_count / execution_count)],
  ];
  return facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);
}

function stateBadge(state: string): HTMLElement {
  const kind = state === 'READY' ? 'good' : state === 'UNAVAILABLE' ? 'bad' : 'warn';
  return element('span', { class: `badge ${kind}` }, state.toLowerCase());
}
