import { readFileSync } from 'node:fs';
import { isScalar, parse, parseDocument, visit } from 'yaml';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Variables = Record<string, string>;
/** A place in the file, by its path. */
type Place = { readonly path: string; readonly value: unknown };

/**
 * The environment with what OTEL_CONFIG_FILE says (OpenTelemetry's declarative configuration, schema
 * 1.x) in the place of the OTEL_* variables, as the specification wants it. What cannot be honoured
 * ends the start with its path.
 */
export function withConfigFile(env: Env): { env: Env; replaced: string[] } {
  const file = env.OTEL_CONFIG_FILE;
  if (file === undefined || file === '') return { env, replaced: [] };
  const variables = readConfigFile(readText(file), env);
  const replaced = Object.keys(env).filter((name) => isReplaced(name) && env[name] !== undefined && env[name] !== '');
  const others = Object.entries(env).filter(([name]) => !isReplaced(name) && name !== 'OTEL_CONFIG_FILE');
  return { env: { ...Object.fromEntries(others), ...variables }, replaced };
}

/** Does so in place, before any setting is read. */
export function applyConfigFile(env: Record<string, string | undefined>): void {
  const { env: whole, replaced } = withConfigFile(env);
  if (replaced.length > 0)
    process.stderr.write(`OTEL_CONFIG_FILE is given, so these have no effect: ${replaced.join(', ')}.\n`);
  for (const name of Object.keys(env)) if (!(name in whole)) delete env[name];
  Object.assign(env, whole);
}

/** Variables that the file takes the place of. */
function isReplaced(name: string): boolean {
  return name.startsWith('OTEL_') && name !== 'OTEL_CONFIG_FILE';
}

/** What the text says, as variables of the environment. */
export function readConfigFile(text: string, env: Env): Variables {
  const variables: Variables = {};
  const set = (name: string, value: unknown, path: string) => {
    const other = variables[name];
    if (other !== undefined && other !== String(value))
      throw refused(
        path,
        `it is ${value} here and ${other} elsewhere, and the service has one value for both (${name})`,
        'give the same',
      );
    variables[name] = String(value);
  };
  const top = { path: '', value: substituted(text, env) };
  each(top, {
    file_format: (place) => {
      if (!/^1\.\d/.test(String(place.value)))
        throw refused(place.path, 'only 1.x is read', 'write file_format: "1.0"');
    },
    disabled: (place) => set('OTEL_SDK_DISABLED', boolean(place), place.path),
    log_level: (place) => {
      if (place.value !== 'warn')
        throw refused(
          place.path,
          'the SDK is heard from warnings on',
          'leave it out, and set LOG_LEVEL for the lines of the service',
        );
    },
    resource: (place) => resource(place, set),
    propagator: (place) => propagator(place),
    tracer_provider: (place) => provider(place, 'TRACES', set),
    logger_provider: (place) => provider(place, 'LOGS', set),
    meter_provider: (place) => meterProvider(place, set),
  });
  const given = top.value as Record<string, unknown>;
  if (given.file_format === undefined) throw refused('file_format', 'it is missing', 'write file_format: "1.0"');
  if (given.logger_provider === undefined && variables.OTEL_SDK_DISABLED !== 'true')
    throw refused('logger_provider', 'it is missing, and logs cannot be left out', 'add it, or write disabled: true');
  // By the specification, a provider that is not there makes nothing.
  if (given.tracer_provider === undefined) variables.TRACING_ENABLED = 'false';
  if (given.meter_provider === undefined) variables.METRICS_ENABLED = 'false';
  return variables;
}

type Put = (name: string, value: unknown, path: string) => void;

function resource(place: Place, set: Put): void {
  const pairs: string[] = [];
  each(place, {
    attributes_list: ({ value, path }) => pairs.unshift(text({ value, path })),
    attributes: (list) => {
      for (const one of items(list)) {
        let [name, value] = ['', ''];
        each(one, {
          name: (at) => {
            name = text(at);
          },
          value: (at) => {
            value = text(at);
          },
          type: (at) => {
            if (at.value !== 'string')
              throw refused(at.path, 'attributes of the resource are texts here', 'write type: string');
          },
        });
        pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
      }
    },
  });
  if (pairs.length > 0) set('OTEL_RESOURCE_ATTRIBUTES', pairs.join(','), place.path);
}

function propagator(place: Place): void {
  const taken = (name: string, path: string) => {
    if (name !== 'tracecontext')
      throw refused(path, `${name} is not read and not sent`, 'leave tracecontext alone in the list');
  };
  each(place, {
    composite: (list) => {
      for (const one of items(list)) for (const name of Object.keys(object(one))) taken(name, `${one.path}.${name}`);
    },
    composite_list: (at) => {
      for (const name of text(at).split(',')) taken(name.trim(), at.path);
    },
  });
}

/** Of spans or log records. */
function provider(place: Place, signal: 'TRACES' | 'LOGS', set: Put): void {
  each(place, {
    processors: (list) => {
      const processor = only(list);
      each(processor, {
        batch: (batch) =>
          each(batch, {
            exporter: (at) => exporter(at, signal, set),
            schedule_delay: (at) => set('VITRINE_TELEMETRY_WAIT_MS_MAX', number(at), at.path),
            max_queue_size: (at) => set('VITRINE_TELEMETRY_MEMORY_ITEMS_MAX', number(at), at.path),
            max_export_batch_size: (at) => set('VITRINE_TELEMETRY_BATCH_ITEMS_MAX', number(at), at.path),
          }),
      });
    },
    ...(signal === 'TRACES' && {
      sampler: (sampler: Place) => {
        if (Object.keys(object(sampler)).join() !== 'always_on')
          throw refused(
            sampler.path,
            'the service decides what is stored when a request has ended',
            'write always_on, and set VITRINE_TRACE_FIRST_PER_SECOND',
          );
      },
    }),
  });
}

function meterProvider(place: Place, set: Put): void {
  each(place, {
    readers: (list) => {
      each(only(list), {
        periodic: (reader) =>
          each(reader, {
            interval: (at) => set('OTEL_METRIC_EXPORT_INTERVAL', number(at), at.path),
            exporter: (at) => exporter(at, 'METRICS', set),
          }),
      });
    },
  });
}

function exporter(place: Place, signal: 'TRACES' | 'LOGS' | 'METRICS', set: Put): void {
  const to = (part: string, read: (place: Place) => unknown) => (at: Place) =>
    set(`OTEL_EXPORTER_OTLP_${signal}_${part}`, read(at), at.path);
  each(place, {
    otlp_grpc: (otlp) =>
      each(otlp, {
        endpoint: to('ENDPOINT', text),
        compression: to('COMPRESSION', text),
        timeout: to('TIMEOUT', number),
        headers_list: to('HEADERS', text),
        headers: to('HEADERS', (list) => items(list).map(pairOf).join(',')),
        tls: (tls) =>
          each(tls, {
            ca_file: to('CERTIFICATE', text),
            cert_file: to('CLIENT_CERTIFICATE', text),
            key_file: to('CLIENT_KEY', text),
            insecure: to('INSECURE', boolean),
          }),
        ...(signal === 'METRICS' && {
          temporality_preference: to('TEMPORALITY_PREFERENCE', text),
        }),
      }),
  });
}

function pairOf(place: Place): string {
  let [name, value] = ['', ''];
  each(place, {
    name: (at) => {
      name = text(at);
    },
    value: (at) => {
      value = text(at);
    },
  });
  return `${name}=${encodeURIComponent(value)}`;
}

/** Hands each member to its reader; one without a reader ends the start. Null is nothing. */
function each(place: Place, readers: Readonly<Record<string, (place: Place) => unknown>>): void {
  for (const [name, value] of Object.entries(object(place))) {
    const path = place.path === '' ? name : `${place.path}.${name}`;
    const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (!read)
      throw refused(
        path,
        'the service cannot honour it',
        `leave it out; what is read here is ${Object.keys(readers).join(', ')}`,
      );
    if (value !== null) read({ path, value });
  }
}

function object({ path, value }: Place): object {
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw refused(path === '' ? 'the file' : path, 'it is not a map', 'write members with values');
}

function items({ path, value }: Place): Place[] {
  if (!Array.isArray(value)) throw refused(path, 'it is not a list', 'write a list');
  return value.map((one, at) => ({ path: `${path}[${at}]`, value: one }));
}

function only(list: Place): Place {
  const [one, another] = items(list);
  if (one === undefined) throw refused(list.path, 'it is empty', 'write one');
  if (another !== undefined)
    throw refused(another.path, 'there is one way out for each signal', 'leave one, and let the Collector do the rest');
  return one;
}

function text({ path, value }: Place): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw refused(path, 'it is not a text', 'write one');
}

function number({ path, value }: Place): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw refused(path, 'it is not a whole number', 'write one');
}

function boolean({ path, value }: Place): boolean {
  if (typeof value === 'boolean') return value;
  throw refused(path, 'it is neither true nor false', 'write one of them');
}

/** `${NAME}`, `${env:NAME}` and `${NAME:-default}` in values; `$$` is a dollar sign. */
function substituted(source: string, env: Env): unknown {
  const document = parseDocument(source);
  if (document.errors[0]) throw refused('the file', 'it is not YAML', 'correct it');
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('$')) return undefined;
      const replaced = node.value.replaceAll(
        /\$\$|\$\{(?:env:)?([A-Za-z_]\w*)(?::-([^\n}]*))?\}/g,
        (whole, name: string | undefined, fallback: string | undefined) =>
          whole === '$$' ? '$' : ((env[name as string] || fallback) ?? ''),
      );
      // Unquoted, a number stays a number.
      node.value = node.type === 'PLAIN' && isScalar(node) ? parse(replaced) : replaced;
      return undefined;
    },
  });
  return document.toJS();
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ServiceError(
      'invalid_setting',
      say`Cannot use OTEL_CONFIG_FILE: its file cannot be read (${ours((cause as NodeJS.ErrnoException).code ?? 'for no reason given')}); name one that is there, or leave it out.`,
      { cause },
    );
  }
}

function refused(path: string, because: string, remedy: string): ServiceError {
  return new ServiceError('invalid_setting', `Cannot use OTEL_CONFIG_FILE: ${path}: ${because}; ${remedy}.`);
}
