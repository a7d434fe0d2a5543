import { AskFailure } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { every } from '../frame/every.ts';
import { addKeys } from '../frame/keys.ts';
import { storeSearches } from '../request/search-stores.ts';
import type { View } from '../route.ts';
import { askDistribution, askRequests } from './ask-requests.ts';
import { ChosenRequests } from './chosen-requests.ts';
import { drawBlame, drawComparison } from './compare-card.ts';
import { FilterBar } from './filter-bar.ts';
import { listActions } from './list-actions.ts';
import { type Box, RequestHeatmap } from './request-heatmap.ts';
import { SortedRequests } from './sorted-requests.ts';

const liveMs = 2_000;
const columns = 90;
const listedFirst = 50;
const listedMax = 1000;

/**
 * The requests that the flight recorder remembers: narrowed down, as a heatmap and a list, a box
 * against the rest; below, searches of the stores. Or the one request that the address names.
 */
export const showRequests: View = async (host, route, signal) => {
  const [, id] = route.path;
  if (id !== undefined) return (await import('../request/show-request.ts')).showRequest(host, id, signal);
  const explorer = new Explorer(new ChosenRequests(route.parameters), signal);
  host.append(element('h1', {}, 'Requests'), explorer.host, ...storeSearches(route.parameters, signal));
  addKeys(explorer.keys(), signal);
  await explorer.draw();
};

class Explorer {
  readonly host = element('div', { class: 'room' });
  readonly #chosen: ChosenRequests;
  readonly #left: AbortSignal;
  readonly #bar: FilterBar;
  readonly #heatmap: RequestHeatmap;
  readonly #comparison = element('div', {});
  readonly #blame = element('div', {});
  readonly #trouble = element('div', {});
  readonly #list: SortedRequests;
  readonly #count = element('span', { class: 'quiet', role: 'status' });
  #superseded = new AbortController();
  #most = listedFirst;

  constructor(chosen: ChosenRequests, signal: AbortSignal) {
    this.#chosen = chosen;
    this.#left = signal;
    this.#bar = new FilterBar(chosen, () => this.#changed());
    this.#heatmap = new RequestHeatmap((box) => this.#compareBox(box), signal);
    this.#list = new SortedRequests(chosen, () => this.#more());
    this.host.append(
      this.#bar.host,
      this.#heatmap.host,
      this.#trouble,
      this.#comparison,
      element(
        'div',
        { class: 'toolbar' },
        this.#count,
        listActions({
          chosen,
          requests: () => askRequests(chosen, listedMax, signal),
          onRefresh: () => void this.draw(),
        }),
      ),
      this.#list.host,
      this.#blame,
    );
    // Live says so in the address; a hidden page asks nothing.
    every(liveMs, () => this.#chosen.isLive && void this.draw(), signal);
  }

  keys() {
    return [
      { keys: 'l', does: 'Live on or off', act: () => this.#live() },
      { keys: 'f', does: 'Only failed, or all', act: () => this.#turnFailed() },
      { keys: 'c', does: 'Clear the box', act: () => this.#compareBox(undefined) },
    ];
  }

  async draw(): Promise<void> {
    this.#superseded.abort();
    this.#superseded = new AbortController();
    const signal = AbortSignal.any([this.#left, this.#superseded.signal]);
    try {
      const [distribution, requests] = await Promise.all([
        askDistribution(this.#chosen, columns, signal),
        askRequests(this.#chosen, this.#most, signal),
      ]);
      if (signal.aborted) return;
      this.#trouble.replaceChildren();
      this.#bar.offer(distribution.values);
      this.#heatmap.show(distribution, boxIn(this.#chosen));
      const { requests: matching, remembered } = distribution;
      this.#count.textContent = `${requests.length} of ${matching} requests shown; ${remembered} remembered of this time.`;
      this.#list.show(requests, requests.length < matching && this.#most < listedMax);
      await Promise.all([
        drawComparison(this.#comparison, this.#chosen, boxIn(this.#chosen), signal),
        drawBlame(this.#blame, this.#chosen, signal),
      ]);
    } catch (error) {
      if (!isAbort(error)) this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const isOff = error instanceof AskFailure && error.status === 404;
    this.#trouble.replaceChildren(
      isOff
        ? emptyNotice('The flight recorder is off: with OTEL_SDK_DISABLED nothing is remembered.')
        : failureNotice(error, () => void this.draw()),
    );
  }

  #changed(): void {
    this.#most = listedFirst;
    this.#bar.draw();
    void this.draw();
  }

  #more(): void {
    this.#most = listedMax;
    void this.draw();
  }

  #compareBox(box: Box | undefined): void {
    this.#chosen.set({ box: box ? [box.from, box.to, box.ms_min, box.ms_max].join('~') : '' });
    void this.draw();
  }

  #live(): void {
    this.#chosen.set({ live: this.#chosen.isLive ? '' : '1', from: '', to: '' });
    this.#changed();
  }

  #turnFailed(): void {
    this.#chosen.set({ order: this.#chosen.order === 'failed' ? '' : 'failed' });
    this.#changed();
  }
}

function boxIn({ parameters }: ChosenRequests): Box | undefined {
  const [from, to, least, most] = (parameters.get('box') ?? '').split('~');
  if (from === undefined || to === undefined || least === undefined || most === undefined) return undefined;
  return { from, to, ms_min: Number(least), ms_max: Number(most) };
}
