import assert from 'node:assert/strict';
import { logRules } from '../../observability/alerts/log-rules.ts';
import type { ServiceError } from '../../src/errors.ts';
import type { Get } from '../../src/stores/dialects/dialect.ts';
import { asLogsql, logsql } from '../../src/stores/dialects/logsql.ts';

const written: readonly [string, string][] = [
  ['{service_name="vitrine"}', '{service_name="vitrine"}'],
  [
    '{service_name=~".+", event_type!=""} | trace_id="ab" |= "50% (of)"',
    String.raw`{service_name=~".+"} event_type:* trace_id:="ab" _msg:~"50% \\(of\\)"`,
  ],
  [
    '{service_name="vitrine"} | severity_text=~"(?i)warn|error" != "a" | a="1" or b>=2 and c!~"d"',
    '{service_name="vitrine"} severity_text:~"^(?:(?i)warn|error)$" !_msg:~"a" (a:="1" or (b:>=2 and !c:~"^(?:d)$"))',
  ],
  [
    'sum by (service_name) (count_over_time({log_stream="security"} | event_type="caller_refused" [5m])) > 20',
    '_time:300s {log_stream="security"} event_type:="caller_refused" | stats by (service_name) count() as value | filter value:>20',
  ],
];

const beyond = [
  '{a="b"} | json',
  'sum by (a) (quantile_over_time(0.9, {a="b"} | unwrap c [5m]))',
  'count_over_time({a="b"}[5m])',
  'sum(rate({a="b"}[5m])) / 2',
  '{a="b"',
];

describe('LogsQL', () => {
  for (const [logql, expected] of written)
    it(`says what LogQL says: ${logql}`, () => {
      assert.equal(asLogsql(logql), expected);
    });

  it('has every rule on log lines', () => {
    for (const rule of logRules.rules)
      if ('alert' in rule) assert.match(rule.logsql ?? asLogsql(rule.expr), /\| stats by \(.*count\(\).* \| filter /);
  });

  for (const query of beyond)
    it(`says in a sentence that it cannot be asked ${query}`, async () => {
      const asked = logsql({ path: '/loki/api/v1/query', parameters: new URLSearchParams({ query }) }, never);
      await assert.rejects(asked, (error: ServiceError) => {
        assert.equal(error.code, 'backend_refused');
        assert.match(error.message, /^Cannot ask VictoriaLogs this: /);
        return true;
      });
    });

  it('answers lines as Loki does, with the nanoseconds and without its own fields', async () => {
    const answer = await ask(
      'query_range',
      { query: '{a="b"}', limit: '5', start: '1', end: '2' },
      () =>
        '{"_time":"2026-01-02T03:04:05.123456789Z","_msg":"hello","_stream":"{}","_stream_id":"0","scope.name":"s","trace_id":"ab"}\n',
    );
    assert.deepEqual(answer.data.result, [
      { stream: { scope_name: 's', trace_id: 'ab' }, values: [['1767323045123456789', 'hello']] },
    ]);
  });

  it('counts windows that overlap out of pieces, each line in every window that it is in', async () => {
    const asked: URLSearchParams[] = [];
    const answer = await ask(
      'query_range',
      { query: 'sum by (a) (count_over_time({b="c"}[20s]))', start: '105', end: '135', step: '10' },
      (parameters) => {
        asked.push(parameters);
        return JSON.stringify({
          data: {
            result: [
              {
                metric: { a: 'x', __name__: 'value' },
                values: [
                  [95, '1'],
                  [105, '2'],
                  [125, '4'],
                ],
              },
            ],
          },
        });
      },
    );
    assert.deepEqual(
      [asked[0]?.get('start'), asked[0]?.get('end'), asked[0]?.get('step'), asked[0]?.get('offset')],
      ['85', '135', '10s', '5s'],
    );
    assert.deepEqual(answer.data.result, [
      {
        metric: { a: 'x' },
        values: [
          [105, '1'],
          [115, '3'],
          [125, '2'],
          [135, '4'],
        ],
      },
    ]);
  });

  it('refuses a range of more pieces than it may count', async () => {
    const query = 'sum(count_over_time({b="c"}[7s]))';
    const asked = ask('query_range', { query, start: '0', end: '86400', step: '60' }, () => '');
    await assert.rejects(asked, /take a step that the window is a multiple of/);
  });
});

const never: Get = () => Promise.reject(new Error('asked'));

async function ask(
  which: string,
  parameters: Record<string, string>,
  answer: (parameters: URLSearchParams) => string,
): Promise<{ data: { result: unknown[] } }> {
  const get: Get = (_, asked = new URLSearchParams()) => Promise.resolve(Buffer.from(answer(asked)));
  const found = await logsql({ path: `/loki/api/v1/${which}`, parameters: new URLSearchParams(parameters) }, get);
  return JSON.parse(found.toString()) as { data: { result: unknown[] } };
}
