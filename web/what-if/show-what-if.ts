import { askJson } from '../asking/ask.ts';
import { copyText } from '../dom/copy-text.ts';
import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import type { Distribution } from '../explore/ask-requests.ts';
import { replaceParameters, type View } from '../route.ts';
import { askedOf } from './changes.ts';
import { servedTable } from './served-table.ts';
import type { WhatIfAnswer } from './what-if-answer.ts';
import { whatIfForm } from './what-if-form.ts';

/** Recorded requests with other lanes, rows, limits, replicas or load: beside what was. */
export const showWhatIf: View = async (host, { parameters }, signal) => {
  const result = element('div', { class: 'room', 'aria-live': 'polite' });
  const form = element('div');
  host.append(
    element('h1', {}, 'What if'),
    element(
      'p',
      { class: 'quiet' },
      'Recorded requests are replayed through the batcher of this service with other settings. No model runs, and nothing is changed.',
    ),
    form,
    result,
  );
  try {
    const { models, tenants } = await choices(signal);
    if (models.length === 0) {
      form.replaceChildren(emptyNotice('No model is ready: see ', element('a', { href: '#/models' }, 'Models'), '.'));
      return;
    }
    const ask = (chosen: URLSearchParams) => {
      const from = parameters.get('from');
      // The time of the address stays until another is chosen.
      if (from !== null && !chosen.has('minutes'))
        for (const name of ['from', 'to']) if (parameters.has(name)) chosen.set(name, parameters.get(name)!);
      for (const name of [...parameters.keys()]) parameters.delete(name);
      for (const [name, value] of chosen) parameters.set(name, value);
      replaceParameters(parameters, true);
      void replay(parameters.get('model') ?? models[0]!);
    };
    form.replaceChildren(whatIfForm({ models, tenants, parameters }, ask));
    if (parameters.has('model')) await replay(parameters.get('model')!);
  } catch (error) {
    if (!isAbort(error)) form.replaceChildren(failureNotice(error));
  }

  async function replay(model: string): Promise<void> {
    result.replaceChildren(busyNotice(`Replaying the requests of ${model} …`));
    try {
      const answer = await askJson<WhatIfAnswer>('/v1/what-if', {
        ...{ method: 'POST', headers: { 'Content-Type': 'application/json' }, signal },
        body: JSON.stringify(askedOf(parameters, model)),
      });
      result.replaceChildren(answerCard(answer), manifestCard(answer));
    } catch (error) {
      if (!isAbort(error)) result.replaceChildren(failureNotice(error, () => void replay(model)));
    }
  }
};

/** Models that are ready, and tenants of the remembered requests. */
async function choices(signal: AbortSignal): Promise<{ models: string[]; tenants: string[] }> {
  const [listed, distribution] = await Promise.all([
    askJson<{ name: string; state: string }[]>('/v2/repository/index', { method: 'POST', body: '{}', signal }),
    // Without the tenants, there is one choice less.
    askJson<Distribution>('/v1/requests/distribution?minutes=60&columns=1', { signal }).catch(() => undefined),
  ]);
  const ready = listed.filter(({ state }) => state === 'READY').map(({ name }) => name);
  return {
    models: [...new Set(ready)].sort(),
    tenants: (distribution?.values.tenant ?? []).map(({ is }) => String(is)),
  };
}

function answerCard(answer: WhatIfAnswer): HTMLElement {
  const { model, version, from, to, was, notes } = answer;
  return element(
    'section',
    { class: 'card', 'aria-label': 'Replay' },
    element('h2', {}, `${model} version ${version}`),
    element('p', { class: 'quiet' }, `${was.arrivals} arrivals from ${from} to ${to}`),
    servedTable(answer),
    notes.length > 0 &&
      element(
        'ul',
        { class: 'notes' },
        notes.map((note) => element('li', {}, note)),
      ),
  );
}

function manifestCard({ model, manifest }: WhatIfAnswer): HTMLElement {
  const text = JSON.stringify(manifest, null, 2);
  const button = element(
    'button',
    { type: 'button', class: 'small', onclick: () => void copyText(text, button) },
    'Copy',
  );
  return element(
    'section',
    { class: 'card', 'aria-label': 'Manifest' },
    element('div', { class: 'title-row' }, element('h2', {}, 'The manifest that makes it so'), button),
    element('p', { class: 'quiet' }, `These sections go into models/${model}/model.json; Reload on Models takes them.`),
    element('pre', { tabindex: 0 }, element('code', {}, text)),
  );
}
