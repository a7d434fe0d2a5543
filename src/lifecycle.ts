/** Where the service is between start and stop; `/ready` and the signal handlers go by it. */
export class Lifecycle {
  readonly startedAt = Date.now();
  #state: 'starting' | 'ready' | 'stopping' = 'starting';

  get state(): 'starting' | 'ready' | 'stopping' {
    return this.#state;
  }

  becomeReady(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  beginStop(): void {
    this.#state = 'stopping';
  }
}
