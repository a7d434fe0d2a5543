import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';
import { otelVariables } from '../../src/telemetry/export/otel-variables.ts';
import { checkOtelVariables, otlpSettings } from '../../src/telemetry/export/otlp-settings.ts';
import { readConfigFile } from '../../src/telemetry/export/read-config-file.ts';

const settingsOf = (signal: 'traces' | 'metrics' | 'logs', env: Record<string, string>) =>
  otlpSettings(signal, readConfig(env), env);

describe('the variables of OTLP', () => {
  it('of a signal count before those of all signals', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all:4317',
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://logs',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/all/ca',
      OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE: '/logs/ca',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=1,b=x%20y',
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'A=2',
      OTEL_EXPORTER_OTLP_TIMEOUT: '700',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    };
    const logs = settingsOf('logs', env);
    assert.deepEqual([logs.target, logs.isSecure, logs.authority?.file], ['logs:443', true, '/logs/ca']);
    assert.deepEqual(Object.fromEntries(logs.headers), { a: '2', b: 'x y' });
    const traces = settingsOf('traces', env);
    assert.deepEqual([traces.target, traces.isSecure, traces.authority?.file], ['all:4317', false, '/all/ca']);
    assert.deepEqual([traces.timeoutMs, traces.compression], [700, 'gzip']);
  });

  it('have their defaults without a variable', () => {
    const { target, isSecure, compression, timeoutMs, headers } = settingsOf('metrics', {});
    assert.deepEqual(
      [target, isSecure, compression, timeoutMs, headers.size],
      ['127.0.0.1:4317', false, 'none', 5000, 0],
    );
  });

  for (const { env, words } of [
    { env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://a' }, words: /Cannot use OTEL_EXPORTER_OTLP_ENDPOINT/ },
    { env: { OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'soon' }, words: /OTEL_EXPORTER_OTLP_TRACES_TIMEOUT.*milliseconds/ },
    { env: { OTEL_EXPORTER_OTLP_HEADERS: 'nonsense' }, words: /OTEL_EXPORTER_OTLP_HEADERS: a part/ },
    { env: { OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' }, words: /percent-encoded/ },
  ] as const)
    it(`end the start: ${Object.entries(env).join()}`, () => {
      assert.throws(() => settingsOf('traces', env), words);
    });
});

describe('the other variables of OpenTelemetry', () => {
  it('are named where they have no effect, samplers among them', () => {
    const notes = checkOtelVariables({
      OTEL_TRACES_SAMPLER: 'always_off',
      OTEL_NEWER: 'x',
      OTEL_BSP_SCHEDULE_DELAY: '',
      PATH: '/',
    });
    assert.equal(notes.length, 2);
    assert.match(notes[0] ?? '', /OTEL_TRACES_SAMPLER: The service decides/);
    assert.match(notes[1] ?? '', /OTEL_NEWER: this version does not know it/);
  });

  it('end the start where another value is needed', () => {
    assert.throws(() => checkOtelVariables({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }), /only grpc is possible/);
    assert.throws(() => checkOtelVariables({ OTEL_TRACES_EXPORTER: 'zipkin' }), /only otlp is possible/);
    assert.deepEqual(checkOtelVariables({ OTEL_PROPAGATORS: 'tracecontext, baggage' }), []);
  });

  it('are rows that say what they do', () => {
    for (const [name, { fate, values, says }] of Object.entries(otelVariables)) {
      assert.match(name, /^OTEL_[A-Z_]+$/);
      assert.ok(says.length > 10, name);
      assert.equal(fate === 'only', values !== undefined, name);
    }
  });
});

const whole = `
file_format: "1.0"
resource:
  attributes_list: a=b
  attributes:
    - { name: service.namespace, value: "\${NAMESPACE:-shop}" }
propagator: { composite: [ { tracecontext: } ] }
tracer_provider: &provider
  processors:
    - batch:
        schedule_delay: \${DELAY}
        exporter:
          otlp_grpc: &collector
            endpoint: https://collector:4317
            tls: { ca_file: /ca.crt, cert_file: /tls.crt, key_file: /tls.key }
            headers: [ { name: key, value: "a b" } ]
            compression: gzip
            timeout: 4000
logger_provider: *provider
meter_provider:
  readers: [ { periodic: { interval: 2000, exporter: { otlp_grpc: *collector } } } ]
`;

describe('OTEL_CONFIG_FILE', () => {
  it('is read as the variables that say the same', () => {
    const read = readConfigFile(whole, { DELAY: '300' });
    assert.equal(read.OTEL_RESOURCE_ATTRIBUTES, 'a=b,service.namespace=shop');
    assert.equal(read.VITRINE_TELEMETRY_WAIT_MS_MAX, '300');
    assert.equal(read.OTEL_METRIC_EXPORT_INTERVAL, '2000');
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      const { target, isSecure, authority, certificate, key, headers, compression, timeoutMs } = settingsOf(
        signal,
        read,
      );
      assert.deepEqual([target, isSecure, compression, timeoutMs], ['collector:4317', true, 'gzip', 4000]);
      assert.deepEqual([authority?.file, certificate?.file, key?.file], ['/ca.crt', '/tls.crt', '/tls.key']);
      assert.equal(headers.get('key'), 'a b');
    }
  });

  it('switches off the signals whose provider it leaves out', () => {
    const read = readConfigFile('file_format: "1.0"\nlogger_provider: {}\n', {});
    assert.deepEqual(readConfigOf(read), { tracesOn: false, metricsOn: false });
  });

  for (const { text, words } of [
    { text: 'logger_provider: {}', words: /file_format: it is missing/ },
    { text: 'file_format: "0.4"', words: /file_format: only 1\.x/ },
    { text: 'file_format: "1.0"', words: /logger_provider: it is missing/ },
    { text: 'file_format: "1.0"\nattribute_limits: {}', words: /: attribute_limits: the service cannot honour it/ },
    {
      text: 'file_format: "1.0"\ntracer_provider: { processors: [ { simple: {} } ] }',
      words: /tracer_provider\.processors\[0\]\.simple: the service cannot honour it/,
    },
    {
      text: 'file_format: "1.0"\ntracer_provider: { sampler: { always_off: } }',
      words: /tracer_provider\.sampler: the service decides/,
    },
    {
      text: 'file_format: "1.0"\ntracer_provider: { processors: [ { batch: { exporter: { otlp_http: } } } ] }',
      words: /batch\.exporter\.otlp_http: the service cannot honour it/,
    },
    {
      text: 'file_format: "1.0"\nmeter_provider: { readers: [ { periodic: }, { periodic: } ] }',
      words: /meter_provider\.readers\[1\]: there is one way out/,
    },
    {
      text: 'file_format: "1.0"\npropagator: { composite_list: "tracecontext,b3" }',
      words: /propagator.*b3 is not read/,
    },
    { text: 'a: [', words: /the file: it is not YAML/ },
  ])
    it(`ends the start with the path: ${String(words)}`, () => {
      assert.throws(() => readConfigFile(text, {}), words);
    });
});

function readConfigOf(env: Record<string, string>) {
  const { tracesOn, metricsOn } = readConfig(env);
  return { tracesOn, metricsOn };
}
