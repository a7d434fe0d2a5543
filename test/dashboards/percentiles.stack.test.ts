import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { dashboards, panelsOf } from '../../observability/dashboards/dashboards.ts';
import { nameInPrometheus } from '../../src/telemetry/names/name-in-prometheus.ts';
import { type MetricName, metricNames } from '../../src/telemetry/names/names.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { nativeSeries } from '../alerts/native-series.ts';
import { runProgram } from '../backends/run-program.ts';
import { fillVariables } from './fill-variables.ts';

// What our histograms make of requests of 11 to 13 s, asked by the engine of Prometheus with every
// panel's own query.

const slowest = 13;
/** A bucket's width at the finest scale: what a percentile may be above the largest value. */
const bucket = 2 ** (1 / 2 ** 8);

describe('the percentiles of the dashboards', function () {
  this.timeout(900_000);

  it('are never above the slowest request, nor below the fastest', async () => {
    const queries = dashboards.flatMap((plan) =>
      panelsOf(plan).flatMap(({ queries: asked }) =>
        asked.flatMap(({ expr }) => (expr.includes('histogram_quantile') ? [fillVariables(expr)] : [])),
      ),
    );
    assert.ok(queries.length > 20, String(queries.length));
    const names = (Object.keys(metricNames) as MetricName[]).filter(
      (name) => metricNames[name].kind === 'exponential histogram',
    );
    const test = {
      rule_files: [join(import.meta.dirname, '../../prometheus/rules/recording.yaml')],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: names.map((name) => ({
            series: `${nameInPrometheus(metricNames[name])}{job="vitrine", instance="a", ${metricNames[name].attributes
              .map((label) => `${label}="${label === 'model_type' ? 'diffusion' : ''}"`)
              .join(', ')}}`,
            values: nativeSeries([{ minutes: 10, aMinute: { 11: 7, 12: 7, [slowest]: 7 } }]),
          })),
          promql_expr_test: [...new Set(queries)].flatMap((query) => [
            { expr: `count(${query})`, eval_time: '10m', exp_samples: [{ labels: '{}', value: 1 }] },
            { expr: `(${query}) > ${slowest * bucket} or (${query}) < ${11 / bucket}`, eval_time: '10m' },
          ]),
        },
      ],
    };
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'percentiles.json');
    // One sample a minute: a rate over one minute would see none of them.
    await writeFile(file, JSON.stringify(test).replaceAll('[1m]', '[5m]'));
    const promtool = join(await ensureServer('promtool'), 'promtool');
    const answer = await runProgram(promtool, ['test', 'rules', file]);
    assert.equal(answer.code, 0, answer.said);
  });
});
