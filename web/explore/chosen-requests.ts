import type { RequestOrder } from '../request/flight-record.ts';
import { replaceParameters } from '../route.ts';

/** What narrows the list down; each is a parameter of the API and of the address. */
export const filterNames = [
  'route',
  'model',
  'task',
  'tenant',
  'status',
  'failure',
  'fault',
  'ms_min',
  'ms_max',
  'text',
] as const;
export type FilterName = (typeof filterNames)[number];

const minutesFirst = '60';

/** Which requests a person looks at: the address holds the whole choice. */
export class ChosenRequests {
  readonly parameters: URLSearchParams;

  constructor(parameters: URLSearchParams) {
    this.parameters = parameters;
  }

  get order(): RequestOrder {
    const order = this.parameters.get('order');
    return order === 'slowest' || order === 'failed' ? order : 'recent';
  }

  get minutes(): string {
    return this.parameters.get('minutes') ?? minutesFirst;
  }

  /** Between two moments, in place of minutes. */
  get between(): { from: string; to: string } | undefined {
    const [from, to] = [this.parameters.get('from'), this.parameters.get('to')];
    return from === null || to === null ? undefined : { from, to };
  }

  get isLive(): boolean {
    return this.parameters.get('live') === '1' && this.between === undefined;
  }

  get(name: FilterName): string {
    return this.parameters.get(name) ?? '';
  }

  /** An empty value takes it out. The address follows, and Back undoes it. */
  set(changes: Readonly<Record<string, string>>, isStep = true): void {
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') this.parameters.delete(name);
      else this.parameters.set(name, value);
    }
    replaceParameters(this.parameters, isStep);
  }

  /** The filters, as the API takes them. */
  filters(): Record<string, string> {
    return Object.fromEntries(filterNames.map((name) => [name, this.get(name)]).filter(([, value]) => value !== ''));
  }

  time(): Record<string, string> {
    return this.between ?? { minutes: this.minutes };
  }

  query(more: Readonly<Record<string, string>> = {}): URLSearchParams {
    return new URLSearchParams({ ...this.time(), ...this.filters(), ...more });
  }

  /** The same as a set that the API compares. */
  asSet(): Record<string, string | number> {
    const { ms_min, ms_max, status, ...words } = this.filters();
    return {
      ...words,
      ...(ms_min !== undefined && { ms_min: Number(ms_min) }),
      ...(ms_max !== undefined && { ms_max: Number(ms_max) }),
      ...(status !== undefined && { status: Number(status) }),
      ...this.between,
    };
  }
}
