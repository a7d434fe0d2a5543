import type { FailureCode } from '../../errors.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

/** The stores that the page reads through the service. */
export const backendNames = ['prometheus', 'tempo', 'loki', 'alertmanager'] as const;
export type BackendName = (typeof backendNames)[number];

/** A question as it is passed on: its path, and parameters that were each looked at. */
export type Question = { backend: BackendName; path: string; parameters: URLSearchParams };

/** What a parameter may be. `logql` is a query that the guard of the log streams has to see. */
type Parameter = { like: RegExp; repeated?: true; logql?: true };

const text: Parameter = { like: /^[^\0]{1,8192}$/s };
const logql: Parameter = { like: /^[^\0]{1,8192}$/s, logql: true };
const selectors: Parameter = { like: /^[^\0]{1,8192}$/s, repeated: true };
/** Unix seconds or nanoseconds, or RFC 3339. */
const moment: Parameter = { like: /^(\d{1,19}(\.\d{1,9})?|\d{4}-\d\d-\d\dT[\d:.]{5,18}(Z|[+-]\d\d:\d\d))$/ };
const step: Parameter = { like: /^\d{1,9}(\.\d{1,6})?(ms|s|m|h|d|w|y)?$/ };
const direction: Parameter = { like: /^(forward|backward)$/ };
const flag: Parameter = { like: /^(true|false)$/ };
const upTo = (max: number): Parameter => ({
  like: new RegExp(`^(?:${[...Array(String(max).length - 1).keys()].map((n) => `[1-9]\\d{${n}}`).join('|')}|${max})$`),
});

type Allowed = { path: RegExp; takes: Readonly<Record<string, Parameter>> };

/** Everything that may be asked, and nothing that changes anything: what is not here is refused. */
const allowed: Readonly<Record<BackendName, readonly Allowed[]>> = {
  prometheus: [
    { path: /^\/api\/v1\/query$/, takes: { query: text, time: moment, limit: upTo(10_000) } },
    { path: /^\/api\/v1\/query_range$/, takes: { query: text, start: moment, end: moment, step, limit: upTo(10_000) } },
    { path: /^\/api\/v1\/query_exemplars$/, takes: { query: text, start: moment, end: moment } },
    { path: /^\/api\/v1\/label\/\w{1,100}\/values$/, takes: { 'match[]': selectors, start: moment, end: moment } },
    { path: /^\/api\/v1\/rules$/, takes: { type: { like: /^(alert|record)$/ } } },
    { path: /^\/api\/v1\/alerts$/, takes: {} },
  ],
  tempo: [
    { path: /^\/api\/v2\/traces\/[0-9a-f]{32}$/, takes: { start: moment, end: moment } },
    { path: /^\/api\/search$/, takes: { q: text, start: moment, end: moment, limit: upTo(100), spss: upTo(20) } },
  ],
  loki: [
    {
      path: /^\/loki\/api\/v1\/query_range$/,
      takes: { query: logql, start: moment, end: moment, limit: upTo(1_000), direction, step },
    },
    { path: /^\/loki\/api\/v1\/query$/, takes: { query: logql, time: moment, limit: upTo(1_000), direction } },
    { path: /^\/loki\/api\/v1\/label\/\w{1,100}\/values$/, takes: { query: logql, start: moment, end: moment } },
  ],
  alertmanager: [
    {
      path: /^\/api\/v2\/alerts$/,
      takes: { filter: selectors, active: flag, silenced: flag, inhibited: flag, unprocessed: flag },
    },
    { path: /^\/api\/v2\/silences$/, takes: { filter: selectors } },
  ],
};

/**
 * The question, or the failure that names what is not allowed. `guardLogs` gets each LogQL query
 * and answers the allowed one.
 */
export function readQuestion(
  of: { backend: string; path: string; query: URLSearchParams },
  guardLogs: (query: string) => string,
): Question {
  const backend = backendNames.find((name) => name === of.backend);
  if (backend === undefined)
    throw refused('not_found', `there is no backend of this name; ask ${backendNames.join(', ')}`);
  const found = allowed[backend].find(({ path }) => path.test(of.path));
  if (!found) throw refused('not_found', `the page reads no such path of ${backend}; ask ${backend} itself`);
  const parameters = new URLSearchParams();
  for (const [name, value] of of.query) {
    const parameter = Object.hasOwn(found.takes, name) ? found.takes[name] : undefined;
    if (!parameter) throw refused('invalid_request', `it takes no parameter ${JSON.stringify(name.slice(0, 40))}`);
    if (!parameter.repeated && parameters.has(name)) throw refused('invalid_request', `${name} is there twice`);
    if (!parameter.like.test(value))
      throw refused('invalid_request', `${name} is not what it may be, or too long or too large; correct it`);
    parameters.append(name, parameter.logql ? guardLogs(value) : value);
  }
  // Without a query Loki would answer with the values of every stream.
  if (backend === 'loki' && !parameters.has('query')) throw refused('invalid_request', 'it needs a query');
  return { backend, path: of.path, parameters };
}

function refused(code: FailureCode, because: string): ServiceError {
  return new ServiceError(code, say`Cannot ask this: ${because}.`);
}
