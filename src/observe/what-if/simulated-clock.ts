import type { Clock, Timer } from '../../clock.ts';

type Event = { at: number; readonly order: number; act: (() => void) | undefined };

/** A clock that goes on to the next event, however long that is. */
export class SimulatedClock implements Clock {
  /** How long it takes until the requests that are being read are all there. */
  soonMs: number;
  /** A binary heap: the next event first; of one moment, the one that was set first. */
  readonly #events: Event[] = [];
  #now: number;
  #set = 0;

  constructor(now: number, soonMs: number) {
    this.#now = now;
    this.soonMs = soonMs;
  }

  now(): number {
    return this.#now;
  }

  soon(act: () => void): void {
    this.at(this.#now + this.soonMs, act);
  }

  after(ms: number, act: () => void): Timer {
    return this.at(this.#now + ms, act);
  }

  clear(timer: Timer | undefined): void {
    if (timer) (timer as Event).act = undefined;
  }

  at(at: number, act: () => void): Timer {
    const event: Event = { at: Math.max(at, this.#now), order: this.#set, act };
    this.#set += 1;
    this.#add(event);
    return event;
  }

  /** When the next event is; infinite: there is none. */
  get next(): number {
    while (this.#events.length > 0 && this.#events[0]!.act === undefined) this.#take();
    return this.#events[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Goes to a moment at which nothing is due before. */
  goTo(at: number): void {
    this.#now = Math.max(this.#now, at);
  }

  /** Goes to the next event, and does it. */
  step(): void {
    const { at, act } = this.#take();
    this.goTo(at);
    act?.();
  }

  #add(event: Event): void {
    const events = this.#events;
    let place = events.length;
    events.push(event);
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (!isBefore(event, events[parent]!)) break;
      events[place] = events[parent]!;
      place = parent;
    }
    events[place] = event;
  }

  #take(): Event {
    const events = this.#events;
    const first = events[0]!;
    const last = events.pop()!;
    if (events.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child += 1;
      if (!isBefore(events[child]!, last)) break;
      events[place] = events[child]!;
      place = child;
    }
    events[place] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
