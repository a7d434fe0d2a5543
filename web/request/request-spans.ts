import { read } from '../asking/backends.ts';
import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { saveFile } from '../dom/save-file.ts';
import type { FlightRecord } from './flight-record.ts';
import { operatorTable } from './operator-table.ts';
import { spanFacts } from './span-facts.ts';
import { inOrder, type SpanNode, spanTree, type TempoTrace } from './span-tree.ts';
import { spanWaterfall, type Waterfall } from './span-waterfall.ts';
import { pause, untilThere } from './until-there.ts';

/**
 * The operators of a profiled run arrive after its answer, from a run of their own
 * (VITRINE_PROFILE_MS_MAX).
 */
const profileMs = 3_000;
const profileAskedMax = 12;

type Parts = {
  traceId: string;
  record: FlightRecord | undefined;
  /** Where the request's log lines are drawn. */
  logs: HTMLElement;
  /** The flight recorder has no record: the first span stands in for it. */
  onUnrecorded: (first: SpanNode) => Promise<void>;
  signal: AbortSignal;
};

/** The card of a request's spans: a waterfall, and the chosen span beside it. */
export class RequestSpans {
  readonly host = element('section', { class: 'card', 'aria-label': 'Spans' });
  readonly #parts: Parts;
  #waterfall: Waterfall | undefined;
  /** The trace as its store gave it. */
  #text = '';

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  show(spanId: string): void {
    this.#waterfall?.select(spanId, true);
  }

  async draw(): Promise<void> {
    const { traceId, record } = this.#parts;
    if (!/^[0-9a-f]{32}$/.test(traceId))
      return this.#put(emptyNotice('This is no trace id, and no request of this id is remembered.'));
    if (record && record.kept === null)
      return this.#put(
        emptyNotice(
          'Its trace was not kept: it neither failed nor was slow, and others came first. Send X-Vitrine-Trace: 1 to keep one.',
        ),
      );
    this.#put(busyNotice('Looking for the trace …'));
    try {
      await this.#drawTrace();
    } catch (error) {
      if (!isAbort(error)) this.#put(failureNotice(error, () => void this.draw()));
    }
  }

  async #drawTrace(): Promise<void> {
    const { record, onUnrecorded, signal } = this.#parts;
    let roots = await untilThere(record?.started_at, () => this.#read(), signal);
    if (!roots) return this.#put(emptyNotice('There is no trace of this id (yet).'));
    this.#drawTree(roots);
    if (!record) await onUnrecorded(roots[0]!);
    for (let asked = 0; asked < profileAskedMax && awaitsProfile(roots); asked += 1) {
      await pause(profileMs, signal);
      roots = (await this.#read()) ?? roots;
      if (!awaitsProfile(roots)) this.#drawTree(roots);
    }
  }

  async #read(): Promise<SpanNode[] | undefined> {
    const { traceId, signal } = this.#parts;
    const trace = await read<TempoTrace>(`tempo/api/v2/traces/${traceId}`, {}, signal);
    this.#text = JSON.stringify(trace, null, 2);
    const found = spanTree(trace);
    return found.length > 0 ? found : undefined;
  }

  #drawTree(roots: readonly SpanNode[]): void {
    const beside = element('aside', { class: 'beside', 'aria-label': 'The chosen span', 'aria-live': 'polite' });
    this.#waterfall = spanWaterfall(roots, (node) => this.#choose(beside, node));
    const operators = operatorTable(inOrder(roots));
    this.#put(
      element(
        'div',
        {},
        element('div', { class: 'split' }, this.#waterfall.host, beside),
        operators,
        element(
          'p',
          {},
          element(
            'button',
            {
              type: 'button',
              class: 'small',
              onclick: () => void saveFile(`trace-${this.#parts.traceId}.json`, 'application/json', this.#text),
            },
            'Trace as JSON',
          ),
        ),
      ),
    );
    this.#choose(beside, roots[0]!);
  }

  #choose(beside: HTMLElement, node: SpanNode): void {
    const lines = [...this.#parts.logs.querySelectorAll<HTMLElement>('[data-span]')];
    for (const line of lines) line.classList.toggle('of-span', line.dataset.span === node.id);
    const first = lines.find((line) => line.dataset.span === node.id)?.querySelector('summary');
    const showLine = first
      ? () => {
          first.scrollIntoView({ block: 'center' });
          first.focus();
        }
      : undefined;
    beside.replaceChildren(spanFacts(node, showLine));
  }

  #put(content: HTMLElement): void {
    this.host.replaceChildren(element('h2', {}, 'Spans'), content);
  }
}

function awaitsProfile(roots: readonly SpanNode[]): boolean {
  const every = inOrder(roots);
  return (
    every.some(({ attributes }) =>
      attributes.some(([name, value]) => name === 'inference.profile' && value === 'taken'),
    ) && !every.some(({ name }) => name === 'inference.profile')
  );
}
