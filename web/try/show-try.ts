import { AskFailure, askJson } from '../asking/ask.ts';
import { sessionKey } from '../asking/session-key.ts';
import { copyText } from '../dom/copy-text.ts';
import { element } from '../dom/element.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import { formatValue } from '../format/format-value.ts';
import { hashOf, type View } from '../route.ts';
import { type Call, curlCommand } from './curl-command.ts';
import { modelTrial, profileField } from './model-trial.ts';
import { runTrial } from './run-trial.ts';
import { showResult } from './show-result.ts';
import { type Trial, trials } from './trial.ts';
import { trialForm } from './trial-form.ts';

type Listed = { name: string; state: string };

/** Choose something, give it a sound or words, see how far it is, hear and see what comes back; then on to what became of the request. */
export const showTry: View = async (host, route, signal) => {
  const [, id = 'separate'] = route.path;
  const choices = [...trials.map(({ id: each, title }) => [each, title] as const), ['model', 'Any model'] as const];
  host.append(
    element(
      'header',
      { class: 'hero' },
      element('h1', {}, 'See what a model does, and where its time goes'),
      element(
        'p',
        { class: 'quiet lead' },
        'Everything here runs on this machine. Each call is traced; from its result you get to the request, its spans, its log lines and the GPU at that moment.',
      ),
    ),
    element(
      'nav',
      { class: 'segments big', 'aria-label': 'What to try' },
      choices.map(([each, title]) =>
        element('a', { href: `#/try/${each}`, 'aria-current': each === id ? 'page' : undefined }, title),
      ),
    ),
  );
  const trial =
    id === 'model' ? await chosenModel(route.parameters.get('model'), signal) : trials.find((each) => each.id === id);
  if (!trial) {
    host.append(failureNotice(new Error('There is nothing of this name to try; choose one above.')));
    return;
  }
  const card = trialCard(trial, signal);
  // Another model takes other inputs.
  card.querySelector<HTMLSelectElement>('#field-model')?.addEventListener('change', ({ target }) => {
    location.hash = hashOf(['try', 'model'], new URLSearchParams({ model: (target as HTMLSelectElement).value }));
  });
  host.append(card);
};

function trialCard(trial: Trial, left: AbortSignal): HTMLElement {
  const form = trialForm(trial, () => showCurl());
  const run = element('button', { type: 'submit', class: 'primary' }, 'Run');
  const cancel = element('button', { type: 'button', hidden: true, onclick: () => running?.abort() }, 'Cancel');
  const bar = element('progress', { max: 1, 'aria-label': 'Progress', hidden: true });
  const state = element('span', { class: 'quiet', role: 'status' });
  const curl = element('code', {});
  const results = element('div', { class: 'results', 'aria-live': 'polite' });
  let running: AbortController | undefined;
  left.addEventListener('abort', () => running?.abort());
  const card = element(
    'div',
    { class: 'trial' },
    element(
      'form',
      { class: 'card', onsubmit: submit },
      element('h2', {}, trial.title),
      element('p', { class: 'quiet' }, trial.says),
      form.host,
      element('div', { class: 'row run' }, run, cancel, bar, state),
      element(
        'details',
        { class: 'curl' },
        element('summary', {}, 'The same as a command'),
        element('pre', { tabindex: 0 }, curl),
        element(
          'button',
          {
            type: 'button',
            class: 'small',
            onclick: ({ target }) => void copyText(curl.textContent, target as HTMLElement),
          },
          'Copy',
        ),
      ),
    ),
    results,
  );
  showCurl();
  return card;

  function call(): { made: Call; json: string } {
    const given = form.values();
    const profile = given.some(([name]) => name === profileField);
    const values = given.filter(([name]) => name !== profileField);
    const path = trial.path.replace(
      '{model}',
      encodeURIComponent(String(values.find(([name]) => name === 'model')?.[1] ?? '')),
    );
    const made: Call = { path, body: trial.body, values, profile, ...(trial.accept && { accept: trial.accept }) };
    const raw = values.find(([name]) => name === 'json')?.[1];
    return { made, json: typeof raw === 'string' ? raw : JSON.stringify(asJson(trial, values)) };
  }

  function showCurl(): void {
    const { made, json } = call();
    curl.textContent = curlCommand(location.origin, made, json, sessionKey() !== '');
  }

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    running = new AbortController();
    const { signal } = running;
    const startedAt = performance.now();
    busy(true);
    const ticking = setInterval(() => told(undefined), 200);
    let says = 'Running';
    try {
      const { made, json } = call();
      const { response, traceId, facts } = await runTrial(
        made,
        json,
        ({ part, says: what }) => {
          says = what;
          told(part);
        },
        signal,
      );
      const took = (performance.now() - startedAt) / 1000;
      results.replaceChildren(
        element(
          'div',
          { class: 'title-row' },
          element('h2', {}, 'Result'),
          element('span', { class: 'quiet' }, formatValue(took, 's')),
          traceId && element('a', { class: 'button primary', href: `#/requests/${traceId}` }, 'See this request'),
        ),
      );
      const originals = made.values.flatMap(([, value]) => (value instanceof File ? [value] : []));
      await showResult(results, { response, facts, originals, signal: left });
      state.textContent = `Done after ${formatValue(took, 's')}.`;
    } catch (error) {
      if (left.aborted) return;
      if (isAbort(error)) {
        state.textContent = 'Cancelled.';
        return;
      }
      state.textContent = 'It did not work.';
      results.replaceChildren(
        failureNotice(error),
        ...(error instanceof AskFailure && error.traceId
          ? [
              element(
                'p',
                {},
                element('a', { class: 'button', href: `#/requests/${error.traceId}` }, 'See this request'),
              ),
            ]
          : []),
      );
    } finally {
      clearInterval(ticking);
      busy(false);
    }

    function told(part: number | undefined): void {
      if (part !== undefined) bar.value = part;
      state.textContent = `${says} · ${formatValue((performance.now() - startedAt) / 1000, 's', 1)}`;
    }
  }

  function busy(is: boolean): void {
    run.disabled = is;
    cancel.hidden = !is;
    bar.hidden = !is;
    bar.removeAttribute('value');
    card.toggleAttribute('aria-busy', is);
  }
}

function asJson(trial: Trial, values: readonly [string, string | File][]): Record<string, unknown> {
  return Object.fromEntries(
    values.map(([name, value]) => {
      const field = trial.fields.find((each) => each.name === name);
      const isNumber =
        field?.kind === 'number' || (field?.kind === 'choice' && field.of.every((each) => /^\d+$/.test(each)));
      return [name, isNumber ? Number(value) : value];
    }),
  );
}

async function chosenModel(wanted: string | null, signal: AbortSignal): Promise<Trial> {
  const models = await askJson<Listed[]>('/v2/repository/index', { method: 'POST', body: '{"ready":true}', signal });
  const names = [...new Set(models.map(({ name }) => name))].sort();
  const name = names.find((each) => each === wanted) ?? names[0];
  if (name === undefined) throw new Error('There is no model that is ready; load one in the view Models.');
  return modelTrial(name, names, signal);
}
