import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeZip } from '../../src/tasks/files/zip.ts';
import type { Panel } from '../../web/dashboards/dashboard.ts';
import { fieldOf } from '../../web/dashboards/field.ts';
import { interpolate } from '../../web/dashboards/interpolate.ts';
import { judged } from '../../web/dashboards/judge-values.ts';
import { ownLink } from '../../web/dashboards/own-link.ts';
import { asCells } from '../../web/dashboards/panels/heatmap-cells.ts';
import { statesOf } from '../../web/dashboards/panels/states-of.ts';
import { asSeries, reduced, seriesName } from '../../web/dashboards/series.ts';
import { durationSeconds, durationText, secondsOf, stepSeconds } from '../../web/dashboards/time-range.ts';
import { verdictWords } from '../../web/dashboards/verdict-words.ts';
import { formatValue } from '../../web/format/format-value.ts';
import { inOrder, spanTree } from '../../web/request/span-tree.ts';
import { curlCommand } from '../../web/try/curl-command.ts';
import { readZip } from '../../web/try/read-zip.ts';

const overviewFile = join(import.meta.dirname, '../../grafana/dashboards/overview.json');
const instantOf = (model: string, value: number) => ({
  metric: { model },
  value: [0, String(value)] as [number, string],
});

/** A variable as a dashboard writes it. */
const braced = (name: string) => ['$', '{', name, '}'].join('');

describe('a value', () => {
  const shown: readonly [number | null, string, string][] = [
    [0.0123, 's', '12.3 ms'],
    [0, 's', '0 s'],
    [3661, 's', '1.02 h'],
    [0.9056, 'percentunit', '90.6 %'],
    [1536, 'bytes', '1.5 KiB'],
    [12_345, 'short', '12.3 k'],
    [-5, 'none', '−5'],
    [null, 's', '–'],
    [Number.NaN, 's', '–'],
    [Number.POSITIVE_INFINITY, 'short', '∞'],
    [2.5e9, 'hertz', '2.5 GHz'],
    [0.04, 'reqps', '0.04/s'],
    [0.00000143, 'percentunit', '<0.01 %'],
    [0, 'percentunit', '0 %'],
  ];
  for (const [value, unit, text] of shown)
    it(`of ${value} in ${unit} reads ${text}`, () => assert.equal(formatValue(value, unit), text));
});

describe('a query', () => {
  const built = { intervalSeconds: 15, start: 1000, end: 1900, exportSeconds: 10 };

  it('has rates over four exports at least, and over every step', () => {
    assert.equal(interpolate('rate(x[$__rate_interval])', new Map(), built), 'rate(x[40s])');
    assert.equal(interpolate(`[${braced('__rate_interval')}]`, new Map(), { ...built, intervalSeconds: 60 }), '[70s]');
    assert.equal(interpolate('[$__range] $__from', new Map(), built), '[15m] 1000000');
  });

  it('takes one value as it is, several as alternatives, and all as the dashboard says', () => {
    const one = new Map([['model', { values: ['a.b'], all: false }]]);
    assert.equal(interpolate('{m=~"$model"}', one, built), '{m=~"a\\\\.b"}');
    const two = new Map([['model', { values: ['a', 'b'], all: false }]]);
    assert.equal(interpolate(`{m=~"${braced('model')}"}`, two, built), '{m=~"(a|b)"}');
    const all = new Map([['model', { values: ['a'], all: true, allValue: '.*' }]]);
    assert.equal(interpolate('{m=~"$model"} $other', all, built), '{m=~".*"} $other');
  });
});

describe('a time range', () => {
  it('is read as Grafana writes it', () => {
    assert.deepEqual(secondsOf({ from: 'now-15m', to: 'now' }, 1_000_000), { start: 100, end: 1000 });
    assert.deepEqual(secondsOf({ from: '5000', to: '9000' }), { start: 5, end: 9 });
    assert.throws(() => secondsOf({ from: 'yesterday', to: 'now' }), /Cannot read the time/);
    assert.equal(durationSeconds('1h30m'), 5400);
    assert.equal(durationText(5400), '90m');
  });

  it('is cut into round steps, never finer than what is measured', () => {
    assert.equal(stepSeconds({ start: 0, end: 900 }, 200, 10), 10);
    assert.equal(stepSeconds({ start: 0, end: 86_400 }, 200, 10), 600);
  });
});

describe('a series', () => {
  const target = { refId: 'A', legendFormat: '{{model}} {{gone}}' };

  it('has a gap where points are missing, and no numbers that are none', () => {
    const [series] = asSeries(
      [
        {
          metric: { model: 'm' },
          values: [
            [100, '1'],
            [120, 'NaN'],
            [130, '3'],
          ],
        },
      ],
      target,
      { start: 100, end: 130, step: 10 },
    );
    assert.deepEqual(series?.values, [1, null, null, 3]);
    assert.equal(series?.name, 'm');
    assert.equal(reduced(series?.values ?? [], 'mean'), 2);
    assert.equal(reduced([null], 'lastNotNull'), undefined);
  });

  it('is called by its one label when nobody says otherwise', () => {
    assert.equal(seriesName({ model: 'm' }, undefined), 'm');
    assert.equal(seriesName({ __name__: 'up', job: 'a' }, '__auto'), 'up{job="a"}');
  });

  it('of a histogram becomes cells of what is in each bucket alone', () => {
    const bucket = (le: string, value: number) => ({
      refId: 'A',
      labels: { le },
      name: le,
      times: [1],
      values: [value],
    });
    const { bounds, counts } = asCells([bucket('+Inf', 9), bucket('0.1', 2), bucket('0.5', 7), bucket('0.01', 0)], 's');
    assert.deepEqual(bounds, ['100 ms', '500 ms', '∞']);
    assert.deepEqual(counts, [[2], [5], [2]]);
  });
});

describe('a timeline of states', () => {
  const mappings = [{ type: 'value', options: { 0: { text: 'closed' }, 2: { text: 'open' } } }];
  const field = fieldOf({ id: 1, type: 'state-timeline', fieldConfig: { defaults: { mappings } } }, { name: 'one' });
  const states = (values: (number | null)[]) =>
    statesOf({ refId: 'A', labels: {}, name: 'one', times: values.map((_, at) => at * 10), values }, field, 10);

  it('has one piece for as long as a state lasted, in the words of its numbers', () => {
    assert.deepEqual(states([0, 0, 2, 0]), [
      { text: 'closed', value: 0, from: 0, to: 20 },
      { text: 'open', value: 2, from: 20, to: 30 },
      { text: 'closed', value: 0, from: 30, to: 40 },
    ]);
  });

  it('has a gap where nothing was known, also between two of the same state', () => {
    assert.deepEqual(states([0, null, 0, null]), [
      { text: 'closed', value: 0, from: 0, to: 10 },
      { text: 'closed', value: 0, from: 20, to: 30 },
    ]);
    assert.deepEqual(states([null]), []);
  });
});

describe('the verdict over a dashboard', () => {
  const steps = [
    { color: 'green', value: null },
    { color: 'orange', value: 5 },
    { color: 'red', value: 10 },
  ];
  const data = (value: number) => ({
    series: [{ refId: 'A', labels: {}, name: 'one', times: [1, 2], values: [99, value] }],
    instant: [],
    exemplars: [],
    logs: [],
    traces: [],
    notes: [],
    step: 1,
    start: 1,
    end: 2,
  });
  const panel = (type: string, custom = {}) => ({
    id: 1,
    type,
    title: 'Waiting',
    fieldConfig: { defaults: { unit: 's', thresholds: { steps }, color: { mode: 'thresholds' }, custom } },
  });

  it('has what the thresholds say of each value now, as the panel writes it', () => {
    for (const [value, is, says] of [
      [1, 'good', '1 s'],
      [5, 'warn', '5 s'],
      [12, 'bad', '12 s'],
    ] as const)
      assert.deepEqual(
        judged(panel('stat'), data(value)).map((each) => [each.is, each.says, each.of]),
        [[is, says, '']],
      );
  });

  it('says whose a value is where a panel has several', () => {
    const two = data(12);
    two.series.push({ ...two.series[0]!, name: 'other', values: [99, 1] });
    assert.deepEqual(
      judged(panel('stat'), two).map((each) => [each.of, each.is]),
      [
        ['one', 'bad'],
        ['other', 'good'],
      ],
    );
  });

  it('has a chart only where its limits are drawn, and nothing where there is no limit or no value', () => {
    assert.equal(judged(panel('timeseries', { thresholdsStyle: { mode: 'dashed' } }), data(12))[0]?.is, 'bad');
    assert.deepEqual(judged(panel('timeseries'), data(12)), []);
    assert.deepEqual(judged(panel('table'), data(12)), []);
    assert.deepEqual(judged(panel('stat'), { ...data(1), series: [] }), []);
    const unlimited = panel('stat');
    unlimited.fieldConfig.defaults.thresholds.steps = [{ color: 'text', value: null }] as typeof steps;
    assert.deepEqual(judged(unlimited, data(12)), []);
  });

  it('has the state of a timeline by the colour of its word', () => {
    const words = { 0: { text: 'closed', color: 'green' }, 2: { text: 'open', color: 'red' } };
    const timeline = panel('state-timeline');
    Object.assign(timeline.fieldConfig.defaults, { mappings: [{ type: 'value', options: words }] });
    for (const [value, is, says] of [
      [0, 'good', 'closed'],
      [2, 'bad', 'open'],
    ] as const)
      assert.deepEqual(
        judged(timeline, data(value)).map((each) => [each.is, each.says]),
        [[is, says]],
      );
  });

  it('has nothing of a series that has ended, as that of an instance that is gone', () => {
    const { series, ...others } = data(1);
    const gone = { ...series[0]!, name: 'gone', times: [1, 2, 3, 4], values: [99, 99, null, null] };
    assert.deepEqual(
      judged(panel('timeseries', { thresholdsStyle: { mode: 'dashed' } }), {
        ...others,
        series: [...series, gone],
      }).map(({ of, is }) => [of, is]),
      [['', 'good']],
    );
  });

  it('has the cells of a table whose columns have limits, each by its row', () => {
    const answer = {
      ...data(1),
      series: [],
      instant: [{ target: { refId: 'A' }, rows: [instantOf('slow', 12), instantOf('quick', 1)] }],
    };
    const limits = [
      { id: 'thresholds', value: { steps } },
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
    ];
    const withLimits = {
      ...panel('table'),
      fieldConfig: { defaults: {}, overrides: [{ matcher: { id: 'byName', options: 'Value' }, properties: limits }] },
    };
    assert.deepEqual(
      judged(withLimits, answer).map(({ of, is }) => [of, is]),
      [
        ['slow Value', 'bad'],
        ['quick Value', 'good'],
      ],
    );
    assert.deepEqual(judged({ ...withLimits, fieldConfig: { defaults: {} } }, answer), []);
  });

  it('says how many checks pass or fail, and not that all is well', () => {
    const values = (...all: ('good' | 'warn' | 'bad')[]) => verdictWords(all.map((is) => ({ is })));
    assert.equal(values('good', 'good'), 'All 2 checks pass.');
    assert.equal(values('good'), 'The one check passes.');
    assert.equal(values('good', 'bad', 'warn'), '2 of 3 checks fail:');
    assert.equal(values('bad', 'good'), '1 of 2 checks fails:');
  });

  it('takes one, two or three live instances for UP, and none for DOWN', () => {
    const [status] = (JSON.parse(readFileSync(overviewFile, 'utf8')) as { panels: Panel[] }).panels;
    assert.equal(status?.title, 'API status');
    const shown = (live: number) =>
      judged(status!, {
        ...data(0),
        series: [],
        instant: [{ target: { refId: 'A' }, rows: [{ metric: {}, value: [0, String(live)] }] }],
      }).map(({ is, says }) => [says, is]);
    for (const live of [1, 2, 3]) assert.deepEqual(shown(live), [['UP', 'good']]);
    assert.deepEqual(shown(0), [['DOWN', 'bad']]);
  });
});

describe('a link', () => {
  it('leads to our own view of the same thing, into the configured Grafana, or nowhere', () => {
    const none = { grafana: null };
    const grafana = { grafana: 'https://grafana.example/' };
    assert.equal(ownLink('/d/vitrine-slo/slo?var-model=m', none), '#/dashboards/vitrine-slo?var-model=m');
    assert.equal(ownLink('http://localhost:3000/d/vitrine-slo', none), '#/dashboards/vitrine-slo');
    assert.equal(ownLink('docs/runbooks/GPUHot.md', none), '#/runbooks/GPUHot');
    assert.equal(ownLink('/plugins/x', none), undefined);
    assert.equal(ownLink('/plugins/x', grafana), 'https://grafana.example/plugins/x');
    for (const url of [
      'https://elsewhere.example/login',
      '//elsewhere.example/d/x',
      '/\\elsewhere.example',
      'javascript:alert(1)',
      '',
    ])
      assert.equal(ownLink(url, grafana), undefined, url);
    const panes = JSON.stringify({ a: { datasource: 'tempo', queries: [{ query: '{ duration > 1s }' }] } });
    assert.equal(
      ownLink(`/explore?panes=${encodeURIComponent(panes)}`, none),
      '#/requests?traces=%7B+duration+%3E+1s+%7D',
    );
  });
});

describe('a trace', () => {
  it('becomes a tree in the order of time, whatever the order and the writing of ids', () => {
    const span = (spanId: string, name: string, start: number, parentSpanId?: string) => ({
      spanId,
      name,
      startTimeUnixNano: `${start}000000000000000001`,
      endTimeUnixNano: `${start}000000000000000009`,
      ...(parentSpanId && { parentSpanId }),
    });
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'vitrine' } }] };
    const spans = [
      span('ERERERERERE=', 'late', 3, '00f067aa0ba902b7'),
      span('00f067aa0ba902b7', 'root', 1),
      span('2222222222222222', 'early', 2, '00f067aa0ba902b7'),
    ];
    const roots = spanTree({ trace: { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] } });
    assert.deepEqual(
      inOrder(roots).map(({ name, depth, id }) => [name, depth, id]),
      [
        ['root', 0, '00f067aa0ba902b7'],
        ['early', 1, '2222222222222222'],
        ['late', 1, '1111111111111111'],
      ],
    );
    assert.equal(roots[0]!.end - roots[0]!.start, 8n);
    assert.deepEqual(spanTree({}), []);
  });
});

describe('a trial', () => {
  it('is shown as a command that a shell reads as it was meant', () => {
    const call = { path: '/v1/generate', body: 'json' as const, values: [] };
    assert.equal(
      curlCommand('http://localhost:8000', call, `{"prompt":"a bell's ring"}`, true),
      `curl 'http://localhost:8000/v1/generate' \\\n  -H "Authorization: Bearer $VITRINE_KEY" \\\n  -H 'Content-Type: application/json' \\\n  -d '{"prompt":"a bell'\\''s ring"}'`,
    );
  });

  it('unpacks the zip that the service writes', async () => {
    const pieces: Uint8Array[] = [];
    const entries = [
      { name: 'harmonic.wav', bytes: [Buffer.from('abc'), Buffer.from('def')] },
      { name: 'percussive.wav', bytes: [Buffer.from('xyz')] },
    ];
    for await (const piece of writeZip(entries)) pieces.push(piece);
    const whole = Buffer.concat(pieces);
    const files = readZip(whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length) as ArrayBuffer);
    assert.deepEqual(await Promise.all(files.map(async ({ name, content }) => [name, await content.text()])), [
      ['harmonic.wav', 'abcdef'],
      ['percussive.wav', 'xyz'],
    ]);
    assert.throws(() => readZip(new ArrayBuffer(4)), /no zip/);
  });
});
