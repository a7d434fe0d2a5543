import { ask, askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable } from '../dom/grid-table.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { formatValue } from '../format/format-value.ts';
import type { View } from '../route.ts';

type Listed = { name: string; version: string; state: string; reason: string };
type Statistics = {
  name: string;
  version: string;
  inference_count: number;
  execution_count: number;
  inference_stats: Record<'success' | 'fail' | 'queue' | 'compute_infer', { count: number; ns: number }>;
};

/** What the repository has: state, what it took so far, its manifest, and loading and unloading for the administrator. */
export const showModels: View = async (host, _route, signal) => {
  const list = element('div', { class: 'models' });
  const said = element('div', { role: 'status' });
  host.append(
    element(
      'div',
      { class: 'title-row' },
      element('h1', {}, 'Models'),
      element('button', { type: 'button', class: 'small', onclick: () => void draw() }, 'Renew'),
    ),
    said,
    list,
  );
  await draw();

  async function draw(): Promise<void> {
    try {
      const [models, { model_stats: statistics }] = await Promise.all([
        askJson<Listed[]>('/v2/repository/index', { method: 'POST', body: '{}', signal }),
        askJson<{ model_stats: Statistics[] }>('/v2/models/stats', { signal }),
      ]);
      const names = [...new Set(models.map(({ name }) => name))].sort();
      list.replaceChildren(
        ...names.map((name) =>
          card(
            name,
            models.filter((model) => model.name === name),
            statistics.filter((each) => each.name === name),
          ),
        ),
      );
      if (names.length === 0)
        list.append(emptyNotice('The repository is empty: put models into the folder of VITRINE_MODELS.'));
    } catch (error) {
      if (!isAbort(error)) list.replaceChildren(failureNotice(error, () => void draw()));
    }
  }

  function card(name: string, versions: readonly Listed[], statistics: readonly Statistics[]): HTMLElement {
    const state = versions.find((each) => each.state === 'READY')?.state ?? versions[0]?.state ?? 'UNAVAILABLE';
    const manifest = element(
      'details',
      { ontoggle: () => void showManifest(name, manifest) },
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
        statistics.flatMap(taken),
      ),
      manifest,
      element(
        'div',
        { class: 'row' },
        state === 'READY' &&
          element('a', { class: 'button small', href: `#/try/model?model=${encodeURIComponent(name)}` }, 'Try'),
        element('a', { class: 'button small', href: `#/requests?model=${encodeURIComponent(name)}` }, 'Its requests'),
        element(
          'button',
          { type: 'button', class: 'small', onclick: () => void change(name, 'load') },
          state === 'READY' ? 'Load anew' : 'Load',
        ),
        state === 'READY' &&
          element('button', { type: 'button', class: 'small', onclick: () => void change(name, 'unload') }, 'Unload'),
      ),
    );
  }

  async function change(name: string, what: 'load' | 'unload'): Promise<void> {
    said.replaceChildren(element('p', { class: 'quiet' }, `${what === 'load' ? 'Loading' : 'Unloading'} ${name} …`));
    try {
      await ask(`/v2/repository/models/${encodeURIComponent(name)}/${what}`, { method: 'POST', body: '{}', signal });
      said.replaceChildren(element('p', {}, `${name} is ${what}ed.`));
    } catch (error) {
      if (isAbort(error)) return;
      said.replaceChildren(failureNotice(error));
    }
    await draw();
  }

  async function showManifest(name: string, into: HTMLElement): Promise<void> {
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
};

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
    ['mean time', stats.success.count === 0 ? '–' : `${mean(stats.success)}, of it waiting ${mean(stats.queue)}`],
    ['rows a run', execution_count === 0 ? '–' : formatValue(inference_count / execution_count)],
  ];
  return facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);
}

function stateBadge(state: string): HTMLElement {
  const kind = state === 'READY' ? 'good' : state === 'UNAVAILABLE' ? 'bad' : 'warn';
  return element('span', { class: `badge ${kind}` }, state.toLowerCase());
}
