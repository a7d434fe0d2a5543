export type Signal = 'traces' | 'metrics' | 'logs';

export type Json = string | number | boolean | null | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** A value as a person writes it. A whole number is an int; bigint where a double would not do. */
export type Plain = string | number | bigint | boolean | Plain[] | PlainMap;
export type PlainMap = { [key: string]: Plain };

/** Where a record stands: in which scope of which resource. */
export type Place = { resource: PlainMap; scope: { name: string; attributes: PlainMap } };

/**
 * One span, log record or metric in OTLP's JSON form, but for its attributes and bodies, which are
 * plain.
 */
export type PlainRecord = PlainMap;

export type Placed = { place: Place; record: PlainRecord };

/** The request body for OTLP/HTTP with these records. */
export function encode(signal: Signal, records: readonly Placed[]): JsonObject {
  const { resources, scopes, items } = words[signal];
  return {
    [resources]: records.map(({ place, record }) => ({
      resource: { attributes: keyValues(place.resource) },
      [scopes]: [
        {
          scope: { name: place.scope.name, attributes: keyValues(place.scope.attributes) },
          [items]: [encodeField('', record)],
        },
      ],
    })),
  };
}

/** The records of what a file exporter wrote. */
export function decode(signal: Signal, batches: readonly JsonObject[]): Placed[] {
  const { resources, scopes, items } = words[signal];
  return batches.flatMap((batch) =>
    list(batch, resources).flatMap((group) =>
      list(group, scopes).flatMap((scoped) =>
        list(scoped, items).map((record) => {
          const resource = group.resource as JsonObject;
          const scope = (scoped.scope ?? {}) as JsonObject;
          return {
            place: {
              resource: plainMap(list(resource, 'attributes')),
              scope: { name: String(scope.name ?? ''), attributes: plainMap(list(scope, 'attributes')) },
            },
            record: decodeField('', record) as PlainMap,
          };
        }),
      ),
    ),
  );
}

/**
 * Sends a request body to an OTLP/HTTP port; an answer other than 2xx, and a partial success, is an
 * error.
 */
export async function post(url: string, signal: Signal, body: JsonObject): Promise<void> {
  const answer = await fetch(`${url}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok || text.includes('rejected')) throw new Error(`${signal} were answered ${answer.status} ${text}`);
}

/** As a string: nanoseconds since 1970 do not fit a double. */
export function nowNanoseconds(offsetMs = 0): string {
  return `${BigInt(Date.now() + offsetMs)}000000`;
}

const words = {
  traces: { resources: 'resourceSpans', scopes: 'scopeSpans', items: 'spans' },
  metrics: { resources: 'resourceMetrics', scopes: 'scopeMetrics', items: 'metrics' },
  logs: { resources: 'resourceLogs', scopes: 'scopeLogs', items: 'logRecords' },
} as const;

function list(of: JsonObject, key: string): JsonObject[] {
  return (of[key] ?? []) as JsonObject[];
}

/** Everything below a record stays as it is, but for attributes and body, wherever they stand. */
function encodeField(key: string, value: Plain): Json {
  if (key === 'attributes') return keyValues(value as PlainMap);
  if (key === 'body') return encodeValue(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((one) => encodeField('', one));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, encodeField(name, one)]));
}

function decodeField(key: string, value: Json): Plain {
  if (key === 'attributes') return plainMap(value as JsonObject[]);
  if (key === 'body') return decodeValue(value as JsonObject);
  if (value === null) throw new Error(`OTLP has no null, but ${key} is`);
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((one) => decodeField('', one));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, decodeField(name, one)]));
}

function keyValues(map: PlainMap): JsonObject[] {
  return Object.entries(map).map(([key, value]) => ({ key, value: encodeValue(value) }));
}

function plainMap(pairs: readonly JsonObject[]): PlainMap {
  return Object.fromEntries(pairs.map(({ key, value }) => [String(key), decodeValue(value as JsonObject)]));
}

function encodeValue(value: Plain): JsonObject {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'bigint') return { intValue: String(value) };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(encodeValue) } };
  return { kvlistValue: { values: keyValues(value) } };
}

function decodeValue(value: JsonObject): Plain {
  const [[kind, inner] = []] = Object.entries(value);
  switch (kind) {
    case 'stringValue':
    case 'boolValue':
    case 'doubleValue':
      return inner as string | boolean | number;
    case 'intValue': {
      const whole = BigInt(inner as string);
      return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
    }
    case 'arrayValue':
      return list(inner as JsonObject, 'values').map(decodeValue);
    case 'kvlistValue':
      return plainMap(list(inner as JsonObject, 'values'));
    default:
      throw new Error(`No plain form is known for ${JSON.stringify(value)}`);
  }
}
