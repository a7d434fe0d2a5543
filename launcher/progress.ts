import { BuildEstimate } from './build-estimate.ts';
import { type ComponentName, component } from './components.ts';
import type { ServerProgress } from './servers/server-context.ts';
import { sayOf } from './servers/server-source.ts';
import type { Stack, StackEvent } from './stack.ts';

/** A plain line at least this often while something is built and nobody watches a terminal. */
const plainEveryMs = 15_000;

/**
 * Shows how the start goes: lines that stay, and on a terminal one line at the bottom that is
 * always the present. The stream decides: without a terminal there are only plain lines.
 */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  readonly #loggedFailures = new Set<string>();
  readonly #clock: NodeJS.Timeout | undefined;
  #stack: Pick<Stack, 'url' | 'names'> | undefined;
  #estimate = new BuildEstimate([]);
  #build: Extract<StackEvent, { kind: 'build' }> | undefined;
  #buildSince = 0;
  /** Why the server that is got now has to be built. */
  #refused: string[] = [];
  #plainAt = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    if (stream.isTTY) this.#clock = setInterval(() => this.#redraw(), 200).unref();
  }

  /** From here on addresses can be named. */
  begin(stack: Pick<Stack, 'url' | 'names'>): void {
    this.#stack = stack;
  }

  show(event: StackEvent): void {
    switch (event.kind) {
      case 'plan':
        this.#showPlan(event.toBuild);
        break;
      case 'leftovers':
        this.line(`Ended what a launcher that was killed had left: ${event.ended.join(', ')}.`);
        break;
      case 'note':
      case 'trouble':
        this.line(event.text);
        break;
      case 'build':
        this.#showBuild(event);
        break;
      case 'failed':
        this.#showFailure(event);
        break;
      case 'state':
        this.#logState(event);
    }
  }

  showUp(stack: Stack): void {
    const healthy = stack.names.filter((name) => stack.state(name).kind === 'healthy');
    const all = healthy.length === stack.names.length;
    this.line(
      `${all ? 'Everything is healthy' : `${healthy.length} of ${stack.names.length} are healthy`}, ${this.#elapsed()} after the start.`,
    );
    for (const name of healthy) {
      const address = addresses[name];
      if (address !== undefined) this.line(`  ${address.padEnd(16)}${outside(stack.url(name))}`);
    }
    if (healthy.includes('service')) this.line('Ctrl-C, or `vitrine down`, stops everything.');
    if (!all && healthy.includes('service')) {
      this.line(
        'The service runs without the others and keeps its telemetry on disk; `npm run service` starts it alone.',
      );
    }
  }

  line(text: string): void {
    this.#clear();
    this.#write(text);
    this.#redraw();
  }

  /** In a file, each line has its time: it is read later. */
  #write(text: string): void {
    const clock = this.#stream.isTTY ? '' : `${new Date().toISOString().slice(11, 19)} `;
    this.#stream.write(`${clock}${text}\n`);
  }

  #showPlan(toBuild: readonly { title: string; coldBuildSeconds: number }[]): void {
    this.#estimate = new BuildEstimate(toBuild);
    if (toBuild.length === 0) return;
    this.line(
      `${toBuild.map(({ title }) => title).join(', ')}: not here yet. A download takes seconds, a build of all about ${this.#estimate.minutesLeft()} min; the next start takes seconds. The page and the API answer meanwhile.`,
    );
  }

  close(): void {
    clearInterval(this.#clock);
    this.#clear();
    this.#build = undefined;
  }

  #showBuild(event: Extract<StackEvent, { kind: 'build' }>): void {
    const { progress, title } = event;
    if (progress.phase === 'done') {
      if (progress.found !== undefined)
        this.line(
          `${title} (${event.number} of ${event.of}): ${sayOf(progress.found)}, ${seconds(progress.elapsedMs)}.`,
        );
      this.#refused = [];
      this.#estimate.built(title, progress.elapsedMs);
      this.#build = undefined;
      return;
    }
    if (progress.phase === 'refused') {
      this.#refused.push(progress.why);
      return;
    }
    if (progress.phase === 'downloading' && this.#refused.length > 0) {
      this.line(`${title} is built here, since ${this.#refused.join(', and ')}.`);
      this.#refused = [];
    }
    const isNew = this.#build?.title !== title || this.#build.progress.phase !== progress.phase;
    this.#build = event;
    this.#buildSince = performance.now() - progress.elapsedMs;
    if (this.#stream.isTTY) return;
    if (!isNew && performance.now() < this.#plainAt) return;
    this.#plainAt = performance.now() + plainEveryMs;
    this.#write(this.#buildLine());
  }

  #logState({ name, state }: Extract<StackEvent, { kind: 'state' }>): void {
    const { title } = component(name);
    if (state.kind === 'healthy') {
      this.line(`${title} is healthy (pid ${state.identity.pid}), ${this.#elapsed()} after the start.`);
      if (name === 'service' && this.#stack !== undefined && this.#estimate.count > 0)
        this.line(
          `Open ${outside(this.#stack.url('service'))}: models, tasks and the record of requests work now. Traces, logs and dashboards follow in about ${this.#minutesLeft()} min.`,
        );
    }
    if (state.kind === 'ended' || state.kind === 'restarting') {
      const next = state.kind === 'restarting' ? `starting it again in ${seconds(state.waitMs)}` : 'it stays down';
      this.line(
        `${title} ${state.how}; ${next}. Its last lines:\n${state.lastLines.map((text) => `  ${text.slice(0, 400)}`).join('\n')}`,
      );
    }
    if (state.kind === 'stopped') this.line(`${title} has stopped.`);
  }

  // One missing Go fails every server in the same words; they are said once.
  #showFailure({ name, error }: Extract<StackEvent, { kind: 'failed' }>): void {
    const { title } = component(name);
    const words = error.message.replaceAll(title, '…');
    this.line(this.#loggedFailures.has(words) ? `${title}: the same.` : error.message);
    this.#loggedFailures.add(words);
  }

  #buildLine(): string {
    if (this.#build === undefined) return '';
    const { title, number, of, progress } = this.#build;
    const left = this.#estimate.count > 0 ? `; everything in about ${this.#minutesLeft()} min` : '';
    return `[${number} of ${of}] ${title}: ${doing(progress)}, ${seconds(performance.now() - this.#buildSince)}${left}`;
  }

  #minutesLeft(): number {
    return this.#estimate.minutesLeft(this.#build?.title, performance.now() - this.#buildSince);
  }

  #elapsed(): string {
    return seconds(performance.now() - this.#startedAt);
  }

  #redraw(): void {
    if (!this.#stream.isTTY || this.#build === undefined) return;
    this.#clear();
    this.#stream.write(this.#buildLine().slice(0, (this.#stream.columns || 80) - 1));
  }

  #clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001b[K');
  }
}

/** What a person opens. */
const addresses: Partial<Record<ComponentName, string>> = {
  service: 'page and API',
  prometheus: 'Prometheus',
  tempo: 'Tempo',
  loki: 'Loki',
  alertmanager: 'Alertmanager',
};

function outside(url: string): string {
  return url.replace('//127.0.0.1:', '//localhost:');
}

function doing(progress: ServerProgress): string {
  switch (progress.phase) {
    case 'waiting':
      return 'another start builds it, waiting';
    case 'fetching': {
      const of = progress.bytesMax === undefined ? '' : ` of ${megabytes(progress.bytesMax)}`;
      return `downloading, ${megabytes(progress.bytes)}${of}`;
    }
    case 'refused':
      return 'looking elsewhere';
    case 'downloading':
      return progress.modules === 0 ? 'looking for its modules' : `downloading modules, ${progress.modules} so far`;
    case 'compiling':
      return `compiling, ${progress.packages} of at most ${progress.packagesMax} packages`;
    case 'done':
      return 'done';
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

export function seconds(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return whole < 100 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
