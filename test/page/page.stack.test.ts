import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Dashboard } from '../../web/dashboards/dashboard.ts';
import { panelsOf } from '../../web/dashboards/known-parts.ts';
import { formatValue } from '../../web/format/format-value.ts';
import { availableOrSkip } from '../support/available-or-skip.ts';
import { prometheusQuery } from '../support/backends.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';
import { type BrowserForTests, startBrowser, takePicture } from './browser.ts';
import { pageTraffic } from './page-traffic.ts';

const root = join(import.meta.dirname, '../..');
const sound = join(root, 'test/fixtures/audio/chord-and-clicks.wav');
const slow = { timeout: 60_000 };

describe('the page in a browser', function () {
  this.timeout(300_000);
  let stack: Stack;
  let browser: BrowserForTests;
  let origin: string;
  let failedTrace: string;

  before(async function () {
    browser = availableOrSkip(this, await startBrowser());
    stack = await startStack({
      env: {
        VITRINE_TRACE_FIRST_PER_SECOND: '1000',
        VITRINE_TASKS_PER_MINUTE_MAX: '1000',
        VITRINE_MODELS: join(root, 'models'),
      },
    });
    origin = stack.url('service');
    failedTrace = await pageTraffic(origin, 4);
    await waitFor('the metrics of it', async () => {
      const [counted] = await prometheusQuery(
        stack.url('prometheus'),
        'sum(http_requests_total{endpoint="/v1/separate"})',
      );
      return counted !== undefined && counted.value >= 4;
    });
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await stack?.[Symbol.asyncDispose]();
  });

  it('takes a sound, shows how far it is, plays the stems beside the original, and leads to the request', async () => {
    await using open = await browser.open(origin, '#/try/separate');
    const { page, trouble } = open;
    await page.setInputFiles('#field-file', sound);
    await page.getByText('The same as a command').click();
    assert.match(
      (await page.locator('.curl code').textContent()) ?? '',
      /curl '.*\/v1\/separate'[\s\S]*-F 'file=@chord-and-clicks\.wav'/,
    );
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.sound').nth(2).waitFor(slow);
    const names = await page.locator('.sound figcaption strong').allTextContents();
    assert.deepEqual(names.sort(), ['chord-and-clicks.wav', 'harmonic.wav', 'percussive.wav']);
    const seconds = await waitFor('sounds that can be played', async () => {
      const lengths = await page.evaluate<number[]>(
        '[...document.querySelectorAll("audio")].map(({ duration }) => duration)',
      );
      return lengths.every((length) => length > 0) && lengths;
    });
    assert.ok(
      seconds.every((length) => Math.abs(length - seconds[0]!) < 0.1),
      String(seconds),
    );
    await page.evaluate('document.querySelector("audio").play()');
    await waitFor('the sound that plays', () =>
      page.evaluate<boolean>('document.querySelector("audio").currentTime > 0'),
    );
    await takePicture(page, 'try-separate');
    await page.getByRole('link', { name: 'See this request' }).click();
    await page.locator('.span').first().waitFor(slow);
    const spans = await page.locator('.span-name').allInnerTexts();
    for (const name of ['job', 'job.step', 'task'])
      assert.ok(
        spans.some((text) => text.trim().endsWith(name)),
        `${name} is not among ${spans.join(', ')}`,
      );
    await page.locator('.log-line').first().waitFor(slow);
    await takePicture(page, 'job');
    assert.deepEqual(trouble, []);
  });

  it('shows a picture for words, and figures for what is measured', async () => {
    await using open = await browser.open(origin, '#/try/microstructure');
    const { page, trouble } = open;
    await page.locator('#field-size').selectOption('64');
    await page.getByRole('button', { name: 'Run' }).click();
    const picture = page.locator('.picture img');
    await picture.waitFor(slow);
    assert.ok((await page.evaluate<number>('document.querySelector(".picture img").naturalWidth')) >= 64);
    await takePicture(page, 'try-microstructure');
    await page.goto(`${origin}/#/try/score`);
    await page.setInputFiles('#field-file', sound);
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.results .facts').first().waitFor(slow);
    await takePicture(page, 'try-score');
    assert.deepEqual(trouble, []);
  });

  it('cancels what takes long', async () => {
    await using open = await browser.open(origin, '#/try/microstructure');
    const { page, trouble } = open;
    await page.locator('#field-size').selectOption('512');
    await page.locator('#field-samples').fill('4');
    await page.locator('#field-steps').fill('200');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('progressbar').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled.').waitFor(slow);
    await waitFor('a service that works on no job', async () => {
      const { jobs = [] } = (await (await fetch(`${origin}/v1/jobs`)).json()) as { jobs?: { state: string }[] };
      return jobs.every(({ state }) => !['queued', 'running'].includes(state));
    });
    assert.deepEqual(trouble, []);
  });

  it('follows a failing request to its time account, its spans and its log lines, and back', async () => {
    await using open = await browser.open(origin, '#/requests?order=failed');
    const { page, trouble } = open;
    await page.locator(`a[href="#/requests/${failedTrace}"]`).first().click(slow);
    await page.locator('.badge', { hasText: '404 model_not_found' }).first().waitFor();
    await page.locator('.span').first().waitFor(slow);
    assert.match(await page.locator('.account-table').innerText(), /receive/);
    const line = page.locator('.log-line').first();
    await line.waitFor(slow);
    await line.locator('summary').click();
    await line.getByRole('button', { name: 'Show its span' }).click();
    const chosen = page.locator('.span[aria-selected="true"]');
    assert.equal(await chosen.getAttribute('data-span'), await line.getAttribute('data-span'));
    await page.getByRole('button', { name: 'Its log lines' }).click();
    assert.equal(await page.evaluate('document.activeElement.closest(".log-line") !== null'), true);
    await page.locator('.panel[data-state]').nth(3).waitFor(slow);
    await takePicture(page, 'request');
    assert.deepEqual(trouble, []);
  });

  it('draws every dashboard, and shows what the queries returned', async () => {
    const folder = join(root, 'grafana/dashboards');
    const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    assert.ok(files.length >= 12);
    let withData = 0;
    let compared = 0;
    for (const file of files) {
      const dashboard = JSON.parse(await readFile(join(folder, file), 'utf8')) as Dashboard;
      await using open = await browser.open(origin, `#/dashboards/${dashboard.uid}?from=now-5m&to=now&refresh=off`);
      const { page, trouble } = open;
      const answers = recordedQueries(page);
      await page.locator('.view[data-renewed]').waitFor(slow);
      // A store that is slow for a moment, on a machine that does much else, is asked again; a question that it refuses stays refused.
      await waitFor(
        `${dashboard.title}, every panel of it`,
        async () => {
          const failed = await page.locator('.panel[data-state="failed"]').allInnerTexts();
          if (failed.length === 0) return true;
          const renewed = Number(await page.locator('.view').getAttribute('data-renewed'));
          await page.getByRole('button', { name: 'Renew' }).click();
          await page.locator(`.view[data-renewed="${renewed + 1}"]`).waitFor(slow);
          throw new Error(failed.join('\n'));
        },
        { deadlineMs: 90_000, everyMs: 500 },
      );
      const panels = panelsOf(dashboard).filter(({ type }) => type !== 'row');
      assert.equal(await page.locator('.panel').count(), panels.length, dashboard.title);
      withData += await page.locator('.panel:has(.u-wrap, .stat-value, .gauge, .bars, table, canvas, .log)').count();
      for (const panel of panels.filter(({ type }) => type === 'stat')) {
        const shown = (await page.locator(`.panel[data-panel="${panel.id}"] .stat-value`).allInnerTexts()).map((text) =>
          text.trim(),
        );
        const { unit = 'short', decimals, mappings = [] } = panel.fieldConfig?.defaults ?? {};
        if (mappings.length > 0 || (panel.targets?.length ?? 0) !== 1 || panel.targets?.[0]?.instant !== true) continue;
        const expected = answers().map((value) => formatValue(value, unit, decimals).replaceAll(' ', ''));
        for (const text of shown.filter((each) => /\d/.test(each))) {
          compared += 1;
          assert.ok(
            expected.includes(text.replaceAll(/\s/g, '')),
            `${dashboard.title} / ${panel.title}: ${text} is in no answer`,
          );
        }
      }
      await takePicture(page, `dashboard-${dashboard.uid}`);
      assert.deepEqual(trouble, [], dashboard.title);
    }
    assert.ok(withData >= 120, `${withData} panels with data`);
    assert.ok(compared >= 10, `${compared} numbers compared`);
  });

  it('shows the models with their manifests, and what fires with its rules and runbooks', async () => {
    await using open = await browser.open(origin, '#/models');
    const { page, trouble } = open;
    const model = page.getByRole('region', { name: 'dnsmos' });
    await model.getByText('Manifest').click(slow);
    await model.locator('td', { hasText: 'FP32' }).first().waitFor();
    await takePicture(page, 'models');
    await model.getByRole('button', { name: 'Unload' }).click();
    await page.getByText('dnsmos is unloaded.').waitFor(slow);
    await model.getByRole('button', { name: 'Load', exact: true }).click();
    await page.getByText('dnsmos is loaded.').waitFor(slow);
    await page.goto(`${origin}/#/alerts`);
    await page.locator('.verdict').waitFor(slow);
    await page.getByText(/\d+ rules/).click();
    await takePicture(page, 'alerts');
    await page.getByRole('link', { name: 'Runbook of ServiceDown' }).first().click();
    await page.getByRole('heading', { name: 'ServiceDown' }).waitFor();
    assert.ok((await page.locator('.prose p').count()) > 0);
    assert.deepEqual(trouble, []);
  });

  it('goes by keyboard alone, from the first view to the facts of a span', async () => {
    await using open = await browser.open(origin, '');
    const { page, trouble } = open;
    await page.locator('h1').waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'Skip to content');
    await tabTo(page, 'Requests');
    await page.keyboard.press('Enter');
    await page.locator('.requests a').first().waitFor(slow);
    await tabTo(page, 'Failed');
    await page.keyboard.press('Space');
    await page.locator('.requests .badge.warn').first().waitFor(slow);
    await tabTo(page, 'POST /v2/models/:model/infer');
    await page.keyboard.press('Enter');
    await page.locator('.span').first().waitFor(slow);
    await page.locator('.log-line').first().waitFor(slow);
    await waitFor('the span in focus', async () => {
      await page.keyboard.press('Tab');
      return page.evaluate<boolean>('document.activeElement.classList.contains("span")');
    });
    const count = await page.locator('.span').count();
    await page.keyboard.press('End');
    assert.equal(await page.locator('.span[aria-selected="true"]').count(), 1);
    assert.equal(
      await page
        .locator('.span')
        .nth(count - 1)
        .getAttribute('aria-selected'),
      'true',
    );
    await page.keyboard.press('Home');
    assert.equal(await page.locator('.span').first().getAttribute('aria-selected'), 'true');
    assert.deepEqual(trouble, []);
  });

  it('has no serious findings of axe, light, dark and on a phone', async () => {
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    for (const [hash, ready] of [
      ['#/try/generate', 'main h2'],
      ['#/requests', '.requests'],
      [`#/requests/${failedTrace}`, '.span'],
      ['#/dashboards/vitrine-overview?from=now-5m&refresh=off', '.view[data-renewed]'],
      ['#/models', '.model'],
      ['#/alerts', '.verdict'],
    ] as const)
      for (const look of [{ width: 1440 }, { width: 1440, dark: true }, { width: 390 }]) {
        await using open = await browser.open(origin, hash, look);
        const { page } = open;
        await page.locator(ready).first().waitFor(slow);
        // Beside the policy of the page, which lets nobody add a script.
        const found = await page.evaluate<{ id: string; impact: string; nodes: { html: string }[] }[]>(
          `${axe}; axe.run().then(({ violations }) => violations)`,
        );
        const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        assert.deepEqual(
          serious.map(({ id, nodes }) => [id, nodes[0]?.html.slice(0, 200)]),
          [],
          `${hash} ${JSON.stringify(look)}`,
        );
        assert.equal(
          await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'),
          true,
          `${hash} is wider than ${look.width}`,
        );
        await takePicture(
          page,
          `${hash.split('/')[1]?.split('?')[0]}${hash.includes(failedTrace) ? '-one' : ''}-${look.width}${'dark' in look ? '-dark' : ''}`,
        );
      }
  });

  it('says which store is away, goes on with the rest, and finds it again', async () => {
    await using open = await browser.open(origin, `#/requests/${failedTrace}`);
    const { page, trouble } = open;
    await page.locator('.span').first().waitFor(slow);
    await stack.kill('tempo', 'SIGKILL');
    await page.reload();
    const away = page.locator('section', { hasText: 'Cannot ask tempo' });
    await away.first().waitFor(slow);
    await page.locator('.log-line').first().waitFor(slow);
    assert.match(await page.locator('.account-table').innerText(), /receive/);
    await takePicture(page, 'tempo-away');
    await stack.start('tempo');
    await waitFor(
      'the trace again',
      async () => {
        if (await page.locator('.span').first().isVisible()) return true;
        await page.getByRole('button', { name: 'Try again' }).click({ timeout: 1_000 });
        return false;
      },
      { deadlineMs: 90_000, everyMs: 1_000 },
    );
    assert.deepEqual(trouble, []);
  });
});

/** Every number that Prometheus has answered to this page so far. */
function recordedQueries(page: Page): () => number[] {
  const values: number[] = [];
  page.on('response', async (response) => {
    if (!response.url().includes('/api/v1/query') || response.status() !== 200) return;
    const { data } = (await response.json()) as {
      data?: { result?: { value?: [number, string]; values?: [number, string][] }[] };
    };
    for (const { value, values: points } of Array.isArray(data?.result) ? data.result : [])
      values.push(Number(value?.[1] ?? points?.at(-1)?.[1]));
  });
  return () => values;
}

function focused(page: Page): Promise<string> {
  return page.evaluate<string>('document.activeElement.textContent.trim()');
}

/** As somebody without a pointer gets there. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await focused(page)) === text) return;
  }
  assert.fail(`the keyboard does not reach ${text}`);
}
