/** Where the service is between start and stop; `/ready` and the signal handlers go by it. */
export class Lifecycle {
  readonly startedAt = Date.now();
  readonly #stopping = new AbortController();
  #state: 'starting' | 'ready' | 'stopping' = 'starting';
  #byDefect = false;
  #shed = 0;

  get state(): 'starting' | 'ready' | 'stopping' {
    return this.#state;
  }

  /** Aborted when a stop begins: for what would otherwise hold its connection open. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /**
   * Nobody wanted the stop: something in the process is broken, and what is worked on may be the
   * cause.
   */
  get stopsByDefect(): boolean {
    return this.#byDefect;
  }

  /**
   * Whether a connection ends with the answer that is begun now: while it stops, none should be
   * counted on for another request.
   */
  endsConnection(): boolean {
    if (this.#state === 'stopping') return true;
    if (this.#shed === 0) return false;
    this.#shed -= 1;
    return true;
  }

  /** So many connections end with their next answer: another process has fewer. */
  shed(connections: number): void {
    this.#shed = connections;
  }

  becomeReady(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  beginStop({ byDefect = false }: { byDefect?: boolean } = {}): void {
    this.#state = 'stopping';
    this.#byDefect = byDefect;
    this.#stopping.abort();
  }
}
