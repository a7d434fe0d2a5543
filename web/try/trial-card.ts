import { sessionKey } from '../asking/session-key.ts';
import { copyText } from '../dom/copy-text.ts';
import { element } from '../dom/element.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import { formatValue } from '../format/format-value.ts';
import { type Call, curlCommand } from './curl-command.ts';
import { fillField, profileField } from './model-trial.ts';
import { runTrial } from './run-trial.ts';
import { showResult } from './show-result.ts';
import type { Trial } from './trial.ts';
import { type TrialForm, trialForm } from './trial-form.ts';

/** A trial: its form, its run, and what came back. */
export function trialCard(trial: Trial, left: AbortSignal): HTMLElement {
  return new TrialCard(trial, left).host;
}

class TrialCard {
  readonly host: HTMLElement;
  readonly #trial: Trial;
  readonly #left: AbortSignal;
  readonly #form: TrialForm;
  readonly #run = element('button', { type: 'submit', class: 'primary' }, 'Run');
  readonly #cancel: HTMLElement;
  readonly #bar = element('progress', { max: 1, 'aria-label': 'Progress', hidden: true });
  readonly #state = element('span', { class: 'quiet', role: 'status' });
  readonly #curl = element('code', {});
  readonly #results = element('div', { class: 'results', 'aria-live': 'polite' });
  #running: AbortController | undefined;

  constructor(trial: Trial, left: AbortSignal) {
    this.#trial = trial;
    this.#left = left;
    left.addEventListener('abort', () => this.#running?.abort());
    this.#form = trialForm(trial, () => this.#showCurl());
    const cancel = () => this.#running?.abort();
    this.#cancel = element('button', { type: 'button', hidden: true, onclick: cancel }, 'Cancel');
    this.host = element(
      'div',
      { class: 'trial' },
      element(
        'form',
        { class: 'card', onsubmit: (event) => void this.#submit(event) },
        element('h2', {}, trial.title),
        element('p', { class: 'quiet' }, trial.says),
        this.#form.host,
        element('div', { class: 'row run' }, this.#run, this.#cancel, this.#bar, this.#state),
        this.#curlDetails(),
      ),
      this.#results,
    );
    this.#showCurl();
  }

  #curlDetails(): HTMLElement {
    const copy = ({ target }: Event) => void copyText(this.#curl.textContent, target as HTMLElement);
    return element(
      'details',
      { class: 'curl' },
      element('summary', {}, 'The same as a command'),
      element('pre', { tabindex: 0 }, this.#curl),
      element('button', { type: 'button', class: 'small', onclick: copy }, 'Copy'),
    );
  }

  #showCurl(): void {
    const { made, json } = callOf(this.#trial, this.#form.values());
    this.#curl.textContent = curlCommand(location.origin, made, json, sessionKey() !== '');
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    this.#running = new AbortController();
    this.#busy(true);
    try {
      await this.#runOnce(this.#running.signal);
    } catch (error) {
      if (!this.#left.aborted) this.#fail(error);
    } finally {
      this.#busy(false);
    }
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const elapsed = () => (performance.now() - startedAt) / 1000;
    let phase = 'Running';
    const showPhase = () => {
      const seconds = elapsed();
      // Tenths of a long time only flicker.
      this.#state.textContent = `${phase} · ${formatValue(seconds < 2 ? seconds : Math.floor(seconds), 's', 1)}`;
    };
    const ticking = setInterval(showPhase, 200);
    try {
      const { made, json } = callOf(this.#trial, this.#form.values());
      const onProgress = ({ part, says }: { part: number | undefined; says: string }) => {
        phase = says;
        if (part !== undefined) this.#bar.value = part;
        showPhase();
      };
      const { response, traceId, facts, left } = await runTrial(made, json, onProgress, signal);
      const took = formatValue(elapsed(), 's');
      this.#results.replaceChildren(resultHead(took, traceId));
      const originals = made.values.flatMap(([, value]) => (value instanceof File ? [value] : []));
      await showResult(this.#results, { response, facts, originals, signal: this.#left });
      this.#state.textContent = `Done after ${took}${left === undefined ? '' : `; ${left}`}.`;
    } finally {
      clearInterval(ticking);
    }
  }

  #fail(error: unknown): void {
    this.#state.textContent = isAbort(error) ? 'Cancelled.' : 'Failed.';
    if (isAbort(error)) return;
    this.#results.replaceChildren(failureNotice(error));
  }

  #busy(is: boolean): void {
    this.#run.disabled = is;
    this.#cancel.hidden = !is;
    this.#bar.hidden = !is;
    this.#bar.removeAttribute('value');
    this.host.toggleAttribute('aria-busy', is);
  }
}

function resultHead(took: string, traceId: string | undefined | null): HTMLElement {
  return element(
    'div',
    { class: 'title-row' },
    element('h2', {}, 'Result'),
    element('span', { class: 'quiet' }, took),
    traceId && requestLink(traceId, 'button primary'),
  );
}

function requestLink(traceId: string, style: string): HTMLElement {
  return element('a', { class: style, href: `#/requests/${traceId}` }, 'See this request');
}

function callOf(trial: Trial, given: readonly [string, string | File][]): { made: Call; json: string } {
  const profile = given.some(([name]) => name === profileField);
  const values = given.filter(([name]) => name !== profileField && name !== fillField);
  const fieldOf = (wanted: string) => values.find(([name]) => name === wanted)?.[1];
  const path = trial.path.replace('{model}', encodeURIComponent(String(fieldOf('model') ?? '')));
  const made: Call = { path, body: trial.body, values, profile, ...(trial.accept && { accept: trial.accept }) };
  const raw = fieldOf('json');
  return { made, json: typeof raw === 'string' ? raw : JSON.stringify(asJson(trial, values)) };
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
