import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Summary } from '../../cli/summary/read-summary.ts';
import { prometheusQuery } from '../../testkit/backends.ts';
import type { Stack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';

/** `vitrine summary` against a stack with traffic. */
export function askForSummary(stack: () => Stack): void {
  const start = (...parameters: string[]) => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '../../cli/command-line.ts'), 'summary', ...parameters],
      { env: stack().env, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    return { child, said: () => said, ended: once(child, 'exit').then(([code]) => code as number | null) };
  };

  it('prints the models, the errors, the GPU, the telemetry and what fires', async () => {
    const { said, ended } = start();
    assert.equal(await ended, 0);
    for (const wanted of [
      /over 5 min: \d+ alerts? fires?, \d+ of (it|them) critical/,
      /ModelFailing +critical +gather/,
      /^ {2}perceptron +\d[\d.]* +0\.00 +\d[\d.]* ms +\d/m,
      /^ {2}gather +\d[\d.]* +\d[\d.]* /m,
      /^ {2}inference_failed +server +\d+$/m,
      /^ {2}Shim 0 \(no GPU\) GPU-shim-0000 +37 % +25 % +71 W +44 °C$/m,
      /5 of 5$/m,
    ]) {
      assert.match(said(), wanted);
    }
  });

  it('says in JSON what Prometheus says', async () => {
    const { said, ended } = start('--json', '--minutes', '2');
    assert.equal(await ended, 0);
    const found = JSON.parse(said()) as Summary;
    assert.equal(found.minutes, 2);
    assert.equal(found.service.instances, 1);
    assert.equal(found.pipeline.missing, 0);
    const [asked] = await prometheusQuery(
      stack().url('prometheus'),
      'sum(rate(inference_requests_total{job="vitrine", model="perceptron"}[2m]))',
    );
    const told = found.models.find(({ model }) => model === 'perceptron')!;
    // Asked moments apart, while traffic goes on.
    assert.ok(Math.abs(told.requests - asked!.value) / asked!.value < 0.2, `${told.requests} against ${asked!.value}`);
    assert.ok(told.p50! > 0 && told.p50! <= told.p95! && told.p95! <= told.p99!);
  });

  it('goes on with --watch until Ctrl-C', async () => {
    const { child, said, ended } = start('--watch', '--json');
    await waitFor('three of them', () => said().split('\n').length > 3, { deadlineMs: 60_000, everyMs: 100 });
    child.kill('SIGINT');
    assert.equal(await ended, 0);
    const times = said()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Summary).at);
    assert.ok(times.every((at, index) => index === 0 || at > times[index - 1]!));
  });
}
