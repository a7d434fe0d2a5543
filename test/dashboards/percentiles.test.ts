import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

describe('percentiles', () => {
  it('are read from exponential histograms by every panel, rule, page and data source, never from chosen buckets', () => {
    const files = globSync(
      [
        'grafana/**/*.{json,yaml}',
        'prometheus/rules/*.yaml',
        'docs/**/*.md',
        'README.md',
        '{observability,launcher,cli}/**/*.ts',
        'web/**/*.ts',
      ],
      { cwd: root },
    );
    assert.ok(files.length > 100);
    const interpolated = files.flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .filter((line) => /histogram_quantile/.test(line) && /_bucket|\ble\b/.test(line))
        // VictoriaMetrics’ ranges are the buckets of the exponential histogram itself.
        .filter((line) => !/\bvmrange\b/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    assert.deepEqual(interpolated, []);
  });
});
