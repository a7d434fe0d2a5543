import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  durationMs,
  lookBack,
  renderConfiguration,
  renderFile,
  scaleDuration,
} from '../../launcher/render-configuration.ts';

const plain = {
  addresses: { 'tempo:3200': '127.0.0.1:15200', 'loki:3100': '127.0.0.1:15100' },
  scrapeInterval: '10s',
  timeScale: 1,
};

describe('rendered configuration', () => {
  it('names native addresses where the file names those of compose', () => {
    const text = 'targets: ["tempo:3200", "http://loki:3100/otlp"]\n';
    assert.deepEqual(parse(renderFile(text, 'other', plain)), {
      targets: ['127.0.0.1:15200', 'http://127.0.0.1:15100/otlp'],
    });
  });

  it('leaves addresses alone that only look alike', () => {
    const text = 'a: my-tempo:3200\nb: tempo:32000\nc: old.tempo:3200\n';
    assert.equal(renderFile(text, 'other', plain), text);
  });

  it('keeps comments', () => {
    assert.match(
      renderFile('# why\nglobal:\n  scrape_timeout: 5s # because\n', 'prometheus', plain),
      /# why.*# because/s,
    );
  });

  it('sets how often Prometheus scrapes and evaluates', () => {
    const { global } = parse(
      renderFile('global:\n  scrape_interval: 1h\n', 'prometheus', { ...plain, scrapeInterval: '3s' }),
    );
    assert.deepEqual(global, { scrape_interval: '3s', evaluation_interval: '3s' });
  });

  it('scales waits and windows of rules, and no thresholds', () => {
    const rule = {
      alert: 'A',
      expr: 'rate(x[5m] offset 10m) > 300 and y[1h:30s] > 5',
      for: '10m',
      keep_firing_for: '2m',
      labels: { for: 'people' },
    };
    const text = JSON.stringify({ groups: [{ name: 'g', interval: '1m', rules: [rule] }] });
    const { groups } = parse(renderFile(text, 'rules', { ...plain, timeScale: 0.1 }));
    assert.equal(groups[0].interval, '6s');
    assert.equal(groups[0].rules[0].expr, 'rate(x[30s] offset 60s) > 300 and y[360s:3s] > 5');
    assert.equal(groups[0].rules[0].for, '60s');
    assert.equal(groups[0].rules[0].keep_firing_for, '12s');
  });

  it('leaves a window ten samples and a wait three, however short the time', () => {
    const rule = { record: 'r', expr: 'rate(x[5m])', for: '1m' };
    const text = JSON.stringify({ groups: [{ name: 'g', rules: [rule] }] });
    const { groups } = parse(renderFile(text, 'rules', { ...plain, scrapeInterval: '1s', timeScale: 0.001 }));
    assert.deepEqual(groups[0].rules[0], { ...rule, expr: 'rate(x[10000ms])', for: '3000ms' });
    assert.equal(lookBack(0.001, '1s'), '10000ms');
  });

  it('scales the waits of every route of Alertmanager', () => {
    const route = { group_wait: '30s', repeat_interval: '1h', routes: [{ group_interval: '20s' }] };
    const rendered = parse(renderFile(JSON.stringify({ route }), 'alertmanager', { ...plain, timeScale: 0.1 }));
    assert.deepEqual(rendered.route, { group_wait: '3s', repeat_interval: '360s', routes: [{ group_interval: '2s' }] });
  });

  it('never goes below a second', () => {
    assert.equal(scaleDuration('5s', 0.01), '1s');
  });

  it('reads durations of several units and refuses what is none', () => {
    assert.equal(durationMs('1h30m'), 5_400_000);
    assert.equal(durationMs('250ms'), 250);
    assert.throws(() => durationMs('soon'), /Cannot read the duration "soon"/);
  });

  it('copies a folder without the server’s module and the rules’ tests, and without files that are gone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-render-'));
    try {
      const [from, to] = [join(folder, 'from'), join(folder, 'to')];
      for (const file of ['prometheus.yaml', 'rules/a.yaml', 'rules/tests/a.yaml', 'server/manifest.yaml']) {
        await mkdir(join(from, file, '..'), { recursive: true });
        await writeFile(join(from, file), 'groups: []\n');
      }
      await mkdir(join(to, 'rules'), { recursive: true });
      await writeFile(join(to, 'rules/gone.yaml'), '');
      await renderConfiguration(from, to, plain);
      assert.deepEqual((await readdir(to, { recursive: true })).sort(), ['prometheus.yaml', 'rules', 'rules/a.yaml']);
      assert.equal(parse(await readFile(join(to, 'prometheus.yaml'), 'utf8')).global.scrape_interval, '10s');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
