import type { PlainMap } from '../otlp-json.ts';
import type { PipelineCase } from '../pipeline-case.ts';

// Every secret in every place where a record can hold text. Redaction cases compare by absence:
// `canary` must be nowhere in what came out (see pipelines.stack.test.ts), and what stood around it
// must.

/** Text as it turns up, with the part that must not arrive. */
const secrets: Record<string, { text: string; canary: string }> = {
  'an authorization header': { text: 'authorization: Basic dXNlcjpjYW5hcnk=', canary: 'dXNlcjpjYW5hcnk' },
  'a bearer token': { text: 'sent Bearer canary-7f3a9c21.b', canary: 'canary-7f3a9c21' },
  'an API key': { text: 'x-api-key=canary7f3a9c21', canary: 'canary7f3a9c21' },
  'an API key by its form': { text: 'used sk-proj-canary7f3a9c21aa for it', canary: 'canary7f3a9c21' },
  'a JSON web token': {
    text: 'got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2ln',
    canary: 'eyJzdWIiOiJjYW5hcnkifQ',
  },
  'a cookie': { text: 'cookie: theme=dark; session=canary7f3a', canary: 'canary7f3a' },
  'a password': { text: '{"user":"x","password":"canary7f3a"}', canary: 'canary7f3a' },
  'the password of a URL': { text: 'postgres://user:can$ary7f3a@db.example.com/x', canary: 'ary7f3a' },
  'a secret in a query': { text: 'https://example.com/?client_secret=canary7f3a&x=1', canary: 'canary7f3a' },
  'an e-mail address': { text: 'asked by canary.person@example.com, twice', canary: 'canary.person' },
  'an e-mail address in a URL': { text: '/users/canary.person%40example.com', canary: 'canary.person' },
  'a card number': { text: 'paid with 4111 1111 1111 1111', canary: '1111 1111' },
  'a card number without spaces': { text: 'paid with 5555555555554444.', canary: '5555555555554444' },
  'a card number of fifteen digits': { text: 'paid with 378282246310005', canary: '378282246310005' },
  'a private key': { text: '-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----', canary: 'Y2FuYXJ5' },
};

type Hiding = Pick<PipelineCase, 'signal' | 'sent'> & Partial<PipelineCase>;

const places: Record<string, (text: string) => Hiding> = {
  'a span attribute': (text) => ({ signal: 'traces', sent: { attributes: { note: text } } }),
  'a list in a span attribute': (text) => ({ signal: 'traces', sent: { attributes: { note: ['first', text] } } }),
  'a map in a span attribute': (text) => ({ signal: 'traces', sent: { attributes: { note: { deep: text } } } }),
  'a span attribute copied from baggage': (text) => ({
    signal: 'traces',
    sent: { attributes: { 'baggage.user': text } },
  }),
  'a span name': (text) => ({ signal: 'traces', sent: { name: text } }),
  'a status message': (text) => ({ signal: 'traces', sent: { status: { code: 2, message: text } } }),
  'a trace state': (text) => ({ signal: 'traces', sent: { traceState: text } }),
  'an event name': (text) => ({ signal: 'traces', sent: { events: [{ name: text }] } }),
  'an event attribute': (text) => ({
    signal: 'traces',
    sent: { events: [{ name: 'exception', attributes: { 'exception.message': text } }] },
  }),
  'a link attribute': (text) => ({
    signal: 'traces',
    sent: {
      links: [{ traceId: '5b8efff798038103d269b633813fc60d', spanId: 'eee19b7ec3c1b175', attributes: { note: text } }],
    },
  }),
  'a resource attribute of spans': (text) => ({ signal: 'traces', sent: {}, resource: { note: text } }),
  'a scope attribute of spans': (text) => ({ signal: 'traces', sent: {}, scope: { attributes: { note: text } } }),
  'a log line': (text) => ({ signal: 'logs', sent: { body: `GET /x: ${text}` } }),
  'a map in a log body': (text) => ({ signal: 'logs', sent: { body: { message: { deep: text } } } }),
  'a list in a log body': (text) => ({ signal: 'logs', sent: { body: ['first', text] } }),
  'a log attribute': (text) => ({ signal: 'logs', sent: { body: 'x', attributes: { note: text } } }),
  'a severity text': (text) => ({ signal: 'logs', sent: { body: 'x', severityText: text } }),
  'the event name of a log record': (text) => ({ signal: 'logs', sent: { body: 'x', eventName: text } }),
  'a resource attribute of logs': (text) => ({ signal: 'logs', sent: { body: 'x' }, resource: { note: text } }),
  'a metric attribute': (text) => ({ signal: 'metrics', sent: point({ note: text }) }),
  'a resource attribute of metrics': (text) => ({ signal: 'metrics', sent: point({}), resource: { note: text } }),
};

/** Names that say enough: their values are masked whatever they look like. */
const secretNames = [
  'http.request.header.authorization',
  'Authorization',
  'http.request.header.cookie',
  'http.response.header.set-cookie',
  'x-api-key',
  'X-API-KEY',
  'apiKey',
  'db.password',
  'PASSWORD',
  'client_secret',
  'access_token',
  'accessToken',
  'private_key',
];

/** What looks a little like a secret and is none. */
const harmless: PlainMap = {
  'nanoseconds as a number': 1795257593232172246n,
  'nanoseconds in text': 'at 1795257593232172246 ns',
  microseconds: 1795257593232172,
  milliseconds: 1795257593232,
  'a trace id': '4bf92f3577b34da6a3ce929d0e0e4736',
  'a trace id of digits': '41111111111111114111111111111111',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'a UUID': '4f8fad5b-4111-4111-8111-411111111111',
  'a fraction': 0.4503599627370496,
  'fractions in text': 'score 0.4503599627370496, was 1.5555555555554444',
  'the largest whole number': 9007199254740991,
  'a hash': 'sha256:4111111111111111aaaaaaaaaaaaaaaa4111111111111111bbbbbbbbbbbbbbbb',
  'a version': 'onnxruntime-node@1.30.0',
  'a scoped package': 'at node_modules/@opentelemetry/sdk-node/build/src/sdk.js:12:3',
  'a URL': 'http://127.0.0.1:8000/v2/models/separate/infer?binary=true',
  'token counts': 'max_tokens: 512, tokens=42',
  'gen_ai.usage.input_tokens': 42,
  words: 'bearer credentials are missing; basic settings; the key: value form',
  'words that end alike': 'Cannot run model broken: it failed; spoken=loudly; rookie: nobody; pass word: none',
  spoken: 'aloud',
  'a route': '/v2/models/:name/versions/:version/infer',
  'a job id': 'task-0123456789abcdef0123456789abcdef',
  'a shape': [1, 2, 441000],
};

export const cases: PipelineCase[] = [
  ...Object.entries(places).flatMap(([place, hide]) =>
    Object.entries(secrets).map(
      ([secret, { text, canary }]): PipelineCase => ({ ...hide(text), does: `masks ${secret} in ${place}`, canary }),
    ),
  ),
  ...secretNames.flatMap((name): PipelineCase[] => [
    {
      does: `masks the span attribute ${name} for its name`,
      signal: 'traces',
      sent: { attributes: { [name]: 'canaryword', note: 'kept' } },
      received: { attributes: { [name]: '****', note: 'kept', 'redaction.masked.count': 1 } },
    },
    {
      does: `masks ${name} in a log body for its name`,
      signal: 'logs',
      sent: { body: { [name]: 'canaryword', note: 'kept' } },
      received: { body: { [name]: '****', note: 'kept' }, attributes: { 'redaction.body.masked.count': 1 } },
    },
  ]),
  {
    does: 'masks a header whose values are a list, for its name',
    signal: 'traces',
    sent: { attributes: { 'http.request.header.authorization': ['canaryword'] } },
    received: { attributes: { 'http.request.header.authorization': '****', 'redaction.masked.count': 1 } },
  },
  {
    does: 'masks a card number that is a number',
    signal: 'traces',
    sent: { attributes: { card: 4111111111111111 } },
    received: { attributes: { card: '****', 'redaction.masked.count': 1 } },
  },
  {
    does: 'masks a metric attribute without a mark, which would make another series',
    signal: 'metrics',
    sent: point({ user: 'canary@example.com' }),
    received: point({ user: '****' }),
  },
  {
    does: 'leaves the words around a secret',
    signal: 'traces',
    sent: { status: { code: 2, message: 'Cannot log in canary@example.com: the account is closed' } },
    received: {
      status: { code: 2, message: 'Cannot log in ****: the account is closed' },
      attributes: { 'redaction.masked.count': 1 },
    },
  },
  {
    // No processor of this version sees inside a link. The service puts no attributes on its links.
    does: 'keeps the links of the service, and removes those of others',
    signal: 'traces',
    scope: { name: 'someone.else' },
    sent: { links: [{ traceId: '5b8efff798038103d269b633813fc60d', spanId: 'eee19b7ec3c1b175' }] },
    received: {},
  },
  ...Object.entries(harmless).flatMap(([what, value]): PipelineCase[] => [
    { does: `leaves ${what} in a span attribute`, signal: 'traces', sent: { attributes: { [what]: value } } },
    { does: `leaves ${what} in a log body`, signal: 'logs', sent: { body: { [what]: value } } },
    ...(typeof value === 'string'
      ? [
          { does: `leaves ${what} in a log line`, signal: 'logs', sent: { body: value } } as const,
          {
            does: `leaves ${what} in a status message`,
            signal: 'traces',
            sent: { status: { code: 2, message: value } },
          } as const,
        ]
      : []),
  ]),
];

function point(attributes: PlainMap): PlainMap {
  return { gauge: { dataPoints: [{ attributes, timeUnixNano: '1795257593232172246', asInt: '1' }] } };
}
