/** Where the service is between start and stop; `/ready` and the signal handlers go by it. */
export class Lifecycle {
  readonly startedAt = Date.now();
  readonly #stopping = new AbortController();
  #state: 'starting' | 'ready' | 'stopping' = 'starting';

  get state(): 'starting' | 'ready' | 'stopping' {
    return this.#state;
  }

  /** Aborted when a stop begins: for what would otherwise hold its connection open. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  becomeReady(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  beginStop(): void {
    this.#state = 'stopping';
    this.#stopping.abort();
  }
}
