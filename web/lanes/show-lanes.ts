import { askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { clock, zoneName } from '../format/format-time.ts';
import { every } from '../frame/every.ts';
import { addKeys } from '../frame/keys.ts';
import { replaceParameters, type View } from '../route.ts';
import { type Batches, drawLanes } from './lane-bricks.ts';

const everyMs = 2_000;
const spans = ['10', '30', '60', '300', '900'];

/** The lanes as they ran: batches as bricks, live or at any moment of the last hour. */
export const showLanes: View = async (host, { parameters }, signal) => {
  const theatre = new LaneTheatre(parameters, signal);
  host.append(element('h1', {}, 'Lanes'), theatre.host);
  addKeys(theatre.keys(), signal);
  await theatre.draw();
  every(everyMs, () => void (theatre.isLive && theatre.draw()), signal);
};

class LaneTheatre {
  readonly host = element('div', { class: 'room' });
  readonly #parameters: URLSearchParams;
  readonly #signal: AbortSignal;
  readonly #stage = element('div', { class: 'card lanes' });
  readonly #beside = element('aside', {
    class: 'card',
    'aria-live': 'polite',
    'aria-label': 'The chosen batch',
    hidden: true,
  });
  readonly #when = element('span', { class: 'quiet', role: 'status' });
  readonly #scrub = element('input', { id: 'lane-scrub', type: 'range', min: 0, max: 3600, step: 1 });
  readonly #live = element('button', { type: 'button', class: 'small live' }, 'Live');

  constructor(parameters: URLSearchParams, signal: AbortSignal) {
    this.#parameters = parameters;
    this.#signal = signal;
    this.#scrub.addEventListener('input', () => this.#endAt(Date.now() - (3600 - Number(this.#scrub.value)) * 1000));
    this.#live.addEventListener('click', () => this.#endAt(this.isLive ? Date.now() : undefined));
    const length = element(
      'select',
      { id: 'lane-length', onchange: () => this.#change({ seconds: length.value }) },
      spans.map((each) => element('option', { value: each, selected: each === this.#seconds }, `${each} s`)),
    );
    this.host.append(
      element(
        'div',
        { class: 'controls' },
        this.#live,
        element('div', { class: 'control' }, element('label', { for: 'lane-length' }, 'Shown'), length),
        element(
          'div',
          { class: 'control scrub' },
          element('label', { for: 'lane-scrub' }, 'Until when, of the last hour'),
          this.#scrub,
        ),
        this.#when,
      ),
      this.#stage,
      this.#beside,
    );
  }

  get isLive(): boolean {
    return !this.#parameters.has('until');
  }

  get #seconds(): string {
    return this.#parameters.get('seconds') ?? '60';
  }

  keys() {
    const by = (seconds: number) => this.#endAt(this.#untilMs + seconds * 1000);
    return [
      { keys: 'l', does: 'Live or stopped', act: () => this.#endAt(this.isLive ? Date.now() : undefined) },
      { keys: '[', does: 'Earlier', act: () => by(-Number(this.#seconds) / 2) },
      { keys: ']', does: 'Later', act: () => by(Number(this.#seconds) / 2) },
    ];
  }

  get #untilMs(): number {
    return this.isLive ? Date.now() : Date.parse(this.#parameters.get('until')!);
  }

  #endAt(ms: number | undefined): void {
    if (ms === undefined) this.#parameters.delete('until');
    else this.#parameters.set('until', new Date(Math.min(Date.now(), ms)).toISOString());
    this.#change({});
  }

  #change(changes: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(changes)) this.#parameters.set(name, value);
    replaceParameters(this.#parameters);
    void this.draw();
  }

  async draw(): Promise<void> {
    const to = this.#untilMs;
    const from = to - Number(this.#seconds) * 1000;
    this.#live.setAttribute('aria-pressed', String(this.isLive));
    this.#scrub.value = String(Math.round(3600 - (Date.now() - to) / 1000));
    this.#when.textContent = `${clock(from)} to ${clock(to)} (${zoneName()})`;
    const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    try {
      const batches = await askJson<Batches>(`/v1/batches?${query}`, { signal: this.#signal });
      this.#stage.replaceChildren(
        batches.batches.length + batches.loads.length === 0
          ? emptyNotice('No batch ran in this time. ', element('a', { href: '#/try' }, 'Make one'))
          : drawLanes(batches, { from, to }, (about) => this.#show(about)),
      );
    } catch (error) {
      if (!isAbort(error)) this.#stage.replaceChildren(failureNotice(error, () => void this.draw()));
    }
  }

  #show(about: HTMLElement): void {
    this.#beside.hidden = false;
    this.#beside.replaceChildren(about);
  }
}
