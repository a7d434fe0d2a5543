// alone: its figures depend on the time of the machine
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type BrowserForTests, startBrowser, takeDocsPicture, takePicture, wear } from '../../testkit/browser.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';
import type { Stack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import type { Dashboard, Panel } from '../../web/dashboards/dashboard.ts';
import { makeTraffic, type Traffic } from '../dashboards/scripted-traffic.ts';
import { adminToken, keys, startWatchedStack } from '../dashboards/watched-stack.ts';
import { AnsweredNumbers, numbersShown, showChartsAsTables } from './drawn-numbers.ts';
import { panelsOf } from './known-parts.ts';
import { failingRequest, pageTraffic } from './page-traffic.ts';
import { otherPaths, tricksInLogQl } from './read-guarded-streams.ts';

const root = join(import.meta.dirname, '../..');
const sound = join(root, 'testkit/fixtures/audio/chord-and-clicks.wav');

/** On a machine that does much else. */
const longer = { deadlineMs: 60_000, everyMs: 500 };

/**
 * Nothing runs on a GPU here, no port has a certificate, and one model may have neither slow nor
 * failed requests: these stay empty, and say why.
 */
const emptyHere =
  /^(Certificate ends in|GPU time|Energy of GPUs|Energy by model|GPU time by model|Slowest of this model|Failures of this model)$/;

describe('the page in a browser', function () {
  this.timeout(600_000);
  let browser: BrowserForTests;
  let shim: Shim;
  let watched: Awaited<ReturnType<typeof startWatchedStack>>;
  let origin: string;
  let failedTrace: string;
  let trafficMade: Promise<Traffic>;
  const stack = (): Stack => watched.stack;

  before(async function () {
    browser = availableOrSkip(this, await startBrowser());
    shim = availableOrSkip(this, await compileShim());
    await shim.answer({ count: 1, energy: 1_000_000 });
    watched = await startWatchedStack(shim);
    origin = stack().url('service');
    failedTrace = await pageTraffic(origin, keys.studio);
    // It goes on while the first views are looked at; the dashboards wait for it.
    trafficMade = makeTraffic(stack());
    trafficMade.catch(() => undefined);
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await trafficMade?.then((traffic) => traffic.stop()).catch(() => undefined);
    await watched?.[Symbol.asyncDispose]();
    await shim?.[Symbol.asyncDispose]();
  });

  const open = (hash: string, key: string = adminToken) => browser.open(origin, hash, { key });

  it('takes a sound, shows how far it is, plays the stems beside the original, and leads to the request', async () => {
    await using opened = await open('#/try/separate');
    const { page, trouble } = opened;
    await page.setInputFiles('#field-file', sound);
    await page.getByText('The same as a command').click();
    assert.match(
      (await page.locator('.curl code').textContent()) ?? '',
      /curl '.*\/v1\/separate'[\s\S]*-F 'file=@chord-and-clicks\.wav'/,
    );
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.sound').nth(2).waitFor();
    const names = await page.locator('.sound figcaption strong').allTextContents();
    assert.deepEqual(names, ['chord-and-clicks.wav', 'harmonic.wav', 'percussive.wav']);
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
    await waitFor('three waveforms', () =>
      page.evaluate<boolean>(
        `[...document.querySelectorAll('.wave')].every((wave) =>
          wave.getContext('2d').getImageData(0, 0, wave.width, wave.height).data.some((value) => value > 0))`,
      ),
    );
    await page.evaluate('document.querySelector("audio").play()');
    await waitFor('the sound that plays', () =>
      page.evaluate<boolean>('document.querySelector("audio").currentTime > 0'),
    );
    await takePicture(page, 'try-separate');
    await takeDocsPicture(page, 'try', 960);
    await page.getByRole('link', { name: 'See this request' }).click();
    await page.locator('.span').first().waitFor();
    const spans = await page.locator('.span-name').allInnerTexts();
    for (const name of ['job', 'job.step', 'task'])
      assert.ok(
        spans.some((text) => new RegExp(`^\\W*${name}(\\s|$)`).test(text)),
        `${name} is not among ${spans.join(', ')}`,
      );
    await page.locator('.log-line').first().waitFor();
    await takePicture(page, 'job');
    await takeDocsPicture(page, 'request', 900);
    assert.deepEqual(trouble, []);
  });

  it('shows a picture for words, and figures for what is measured, also of a sound that it makes itself', async () => {
    await using opened = await open('#/try/microstructure');
    const { page, trouble } = opened;
    await page.locator('#field-size').selectOption('128');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.picture img').waitFor();
    assert.equal(await page.evaluate<number>('document.querySelector(".picture img").naturalWidth'), 128);
    assert.match(await page.locator('.results .facts').first().innerText(), /volume fraction|model accuracy/i);
    await takePicture(page, 'try-microstructure');
    await page.goto(`${origin}/#/try/score`);
    await page.getByRole('button', { name: /Take an example/ }).click();
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.results .facts').first().waitFor();
    assert.match(await page.locator('.results').innerText(), /loudness lufs\s+−\d/);
    await takePicture(page, 'try-score');
    assert.deepEqual(trouble, []);
  });

  it('says what was wrong with a call, and cancels what takes long', async () => {
    // As a tenant who has no other job.
    await using opened = await open('#/try/microstructure', keys.guest);
    const { page, trouble } = opened;
    await page.locator('#field-size').selectOption('512');
    await page.locator('#field-samples').fill('4');
    await page.locator('#field-steps').fill('200');
    await page.getByRole('button', { name: 'Run' }).click();
    await page.getByRole('progressbar').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled.').waitFor();
    await waitFor(
      'a service that works on no job',
      async () => {
        const { jobs } = (await (
          await fetch(`${origin}/v1/jobs`, { headers: { authorization: `Bearer ${keys.guest}` } })
        ).json()) as { jobs: { state: string }[] };
        assert.ok(jobs.length > 0);
        return jobs.every(({ state }) => state === 'cancelled');
      },
      longer,
    );
    await page.goto(`${origin}/#/try/separate`);
    await page.setInputFiles('#field-file', {
      name: 'text.wav',
      mimeType: 'audio/wav',
      buffer: Buffer.from('no sound'),
    });
    await page.getByRole('button', { name: 'Run' }).click();
    await page.locator('.results .notice.bad', { hasText: /^Cannot / }).waitFor();
    assert.deepEqual(trouble, []);
  });

  it('follows a failing request to its time account, its spans and its log lines, and back', async () => {
    await using opened = await open('#/requests?order=failed');
    const { page, trouble } = opened;
    // Others fail all the time: it has to be among the last fifty.
    await waitFor(
      'the request in the list',
      async () => {
        failedTrace = await failingRequest(origin, keys.studio);
        await page.getByRole('button', { name: 'Refresh' }).click();
        await page.locator(`a[href="#/requests/${failedTrace}"]`).first().click({ timeout: 5_000 });
        return true;
      },
      longer,
    );
    await page.locator('.badge', { hasText: '404 model_not_found' }).first().waitFor();
    await page.locator('.span').first().waitFor();
    const parts = (await page.locator('.account-table .quiet').allInnerTexts()).map((text) => Number.parseFloat(text));
    const whole = parts.reduce((sum, part) => sum + part, 0);
    assert.ok(Math.abs(whole - 100) < 1, `${parts} are ${whole} %`);
    const line = page.locator('.log-line').first();
    await line.waitFor();
    await line.locator('summary').click();
    await line.getByRole('button', { name: 'Show its span' }).click();
    const chosen = page.locator('.span[aria-selected="true"]');
    assert.equal(await chosen.getAttribute('data-span'), await line.getAttribute('data-span'));
    await page.getByRole('button', { name: 'Its log lines' }).click();
    assert.equal(await page.evaluate('document.activeElement.closest(".log-line") !== null'), true);
    await page.locator('.panel[data-state="drawn"]').nth(5).waitFor();
    await page.locator('.panel', { hasText: 'GPU in use' }).locator('.u-wrap').waitFor();
    await takePicture(page, 'request');
    assert.deepEqual(trouble, []);
  });

  it('sends tensors to a model as they are, and shows the batch and the operators of its run', async () => {
    await using opened = await open('#/try/model?model=perceptron');
    const { page, trouble } = opened;
    // Another one may be profiled at this moment, or the profile take too long: then this request has
    // none, and the next may.
    await waitFor(
      'a request with its operators',
      async () => {
        await page.goto(`${origin}/#/try/model?model=perceptron`);
        await page.getByRole('button', { name: 'Run' }).click();
        await page.getByRole('link', { name: 'See this request' }).click();
        await page.getByText('Its batch').waitFor();
        await page.locator('.span-name', { hasText: 'inference.operator' }).first().waitFor({ timeout: 45_000 });
        return true;
      },
      longer,
    );
    assert.match(await page.locator('.account-table').innerText(), /run/);
    await takePicture(page, 'operators');
    await takeDocsPicture(page, 'operators', 1100);
    assert.deepEqual(trouble, []);
  });

  it('gives lines of the streams audit and security to nobody but the administrator, however they are asked for', async () => {
    const ask = async (path: string, key: string) => {
      const [before = '', query = ''] = path.split('?');
      const coded = query
        .split('&')
        .filter((pair) => pair !== '')
        .map((pair) => {
          const at = pair.indexOf('=');
          return `${encodeURIComponent(pair.slice(0, at))}=${encodeURIComponent(pair.slice(at + 1))}`;
        });
      const response = await fetch(
        `${origin}/backends/loki/${before}${coded.length > 0 ? `?${coded.join('&')}` : ''}`,
        {
          headers: { authorization: `Bearer ${key}` },
        },
      );
      return { status: response.status, text: await response.text() };
    };
    const lines = (query: string) => `loki/api/v1/query_range?query=${query}`;
    const guarded = /"log_stream":"(audit|security)"/;
    await waitFor('a line of each stream, for the administrator', async () => {
      const found = await ask(lines('{log_stream=~"audit|security"}'), adminToken);
      return /"log_stream":"audit"/.test(found.text) && /"log_stream":"security"/.test(found.text);
    });
    const secrets = (
      JSON.parse((await ask(lines('{log_stream=~"audit|security"}'), adminToken)).text) as {
        data: { result: { values: [string, string][] }[] };
      }
    ).data.result.flatMap(({ values }) => values.map(([, line]) => line));
    let answered = 0;
    for (const path of [
      ...tricksInLogQl.flatMap((trick) => [lines(trick), `loki/api/v1/query?query=${trick}`]),
      ...otherPaths,
    ]) {
      const { status, text } = await ask(path, keys.studio);
      if (status === 200) answered += 1;
      else assert.ok(status === 400 || status === 404, `${path}: ${status}`);
      assert.doesNotMatch(text, guarded, path);
      assert.doesNotMatch(text, /"data":\[[^{]*"(audit|security)"/, path);
      for (const secret of secrets) assert.ok(status !== 200 || !text.includes(secret), `${path} shows: ${secret}`);
    }
    // The tricks are questions that Loki understands, not refusals of bad grammar.
    assert.ok(answered >= 30, `${answered} were answered`);
  });

  it('refuses a question that would cost the store too much', async () => {
    const query = 'count_over_time((vector(1))[1y:1s])';
    const response = await fetch(`${origin}/backends/prometheus/api/v1/query?query=${encodeURIComponent(query)}`, {
      headers: { authorization: `Bearer ${keys.studio}` },
    });
    const { error } = (await response.json()) as { error: string };
    assert.equal(response.status, 400, error);
    assert.match(error, /too many samples/);
  });

  it('shows the models with their manifests, loads and unloads with the token only', async () => {
    await using stranger = await open('#/models', keys.guest);
    const slow = (page: Page) => page.getByRole('region', { name: 'slow', exact: true });
    const unload = async (page: Page) => {
      await slow(page).getByRole('button', { name: 'Unload', exact: true }).click();
      await slow(page).getByRole('button', { name: 'Unload slow now' }).click();
    };
    await unload(stranger.page);
    await stranger.page.getByText('administration needs its token').waitFor();
    await using opened = await open('#/models');
    const { page, trouble } = opened;
    const model = slow(page);
    await model.getByText('Manifest').click();
    await model.locator('td', { hasText: 'FP32' }).first().waitFor();
    await takePicture(page, 'models');
    await unload(page);
    await page.getByText('slow is unloaded.').waitFor();
    await model.getByRole('button', { name: 'Load', exact: true }).click();
    await page.getByText('slow is loaded.').waitFor();
    assert.deepEqual(trouble, []);
  });

  it('goes by keyboard alone, from the key that is wanted to the facts of a span', async () => {
    await using opened = await open('#/requests', '');
    const { page, trouble } = opened;
    await page.locator('.notice').getByRole('button', { name: 'Give a key' }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), 'Skip to content');
    await tabTo(page, 'Give a key');
    await page.keyboard.press('Enter');
    await page.keyboard.type(keys.studio);
    await page.keyboard.press('Enter');
    await page.locator('.requests a').first().waitFor();
    await tabTo(page, 'Failed');
    await page.keyboard.press('Space');
    await page.locator('.requests .badge:is(.warn, .bad)').first().waitFor();
    await tabTo(page, 'POST /v2/models/:model/infer');
    await page.keyboard.press('Enter');
    await page.locator('.span').first().waitFor();
    await page.locator('.log-line').first().waitFor();
    await waitFor('the span in focus', async () => {
      await page.keyboard.press('Tab');
      return page.evaluate<boolean>('document.activeElement.classList.contains("span")');
    });
    const count = await page.locator('.span').count();
    await page.keyboard.press('End');
    const last = page.locator('.span').nth(count - 1);
    assert.equal(await page.locator('.span[aria-selected="true"]').count(), 1);
    assert.equal(await last.getAttribute('aria-selected'), 'true');
    await page.keyboard.press('Home');
    assert.equal(await page.locator('.span').first().getAttribute('aria-selected'), 'true');
    assert.deepEqual(trouble, []);
  });

  it('draws every dashboard with data, and shows what the queries returned', async () => {
    await trafficMade;
    const folder = join(root, 'grafana/dashboards');
    const files = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
    assert.ok(files.length >= 12);
    const compared = new Map<string, number>();
    const left = [...files];
    // Two at a time, as two cores draw them.
    await Promise.all([drawRest(), drawRest()]);
    // There are few gauges.
    for (const [type, least] of Object.entries({ stat: 10, gauge: 4, table: 10, timeseries: 10 }))
      assert.ok((compared.get(type) ?? 0) >= least, `${type}: ${compared.get(type)} numbers compared`);

    async function drawRest(): Promise<void> {
      for (let file = left.shift(); file !== undefined; file = left.shift())
        await drawAndCompare(JSON.parse(await readFile(join(folder, file), 'utf8')) as Dashboard);
    }

    async function drawAndCompare(dashboard: Dashboard): Promise<void> {
      await using opened = await browser.open(origin, '', { key: adminToken });
      const { page, trouble } = opened;
      const answers = await AnsweredNumbers.of(page);
      // Long enough for what happened only once, at the beginning.
      const chosen = dashboard.uid === 'vitrine-model' ? '&var-model=perceptron' : '';
      await page.goto(`${origin}/#/dashboards/${dashboard.uid}?from=now-15m&to=now&refresh=off${chosen}`);
      await page.locator('.view[data-renewed]').waitFor();
      const panels = panelsOf(dashboard).filter(({ type }) => type !== 'row');
      assert.equal(await page.locator('.panel').count(), panels.length, dashboard.title);
      // What needs a second event to have a rate, and a store that is slow for a moment, is asked again;
      // a question that is refused stays refused.
      await waitFor(
        `${dashboard.title}, every panel of it`,
        async () => {
          const missing = await panelsWithout(page, panels);
          if (missing.length === 0) return true;
          const renewed = Number(await page.locator('.view').getAttribute('data-renewed'));
          await page.getByRole('button', { name: 'Refresh' }).click();
          await page.locator(`.view[data-renewed="${renewed + 1}"]`).waitFor();
          throw new Error(missing.join('\n'));
        },
        longer,
      );
      await takePicture(page, `dashboard-${dashboard.uid}`);
      for (const panel of panels.filter(({ type }) => type === 'logs')) {
        const times = await page.evaluate<string[]>(
          `[...document.querySelectorAll('[data-panel="${panel.id}"] time')].map((time) => time.getAttribute('datetime'))`,
        );
        assert.deepEqual(times, times.toSorted().reverse(), `${dashboard.title} / ${panel.title}`);
      }
      await showChartsAsTables(page);
      for (const panel of panels) {
        const { type, fieldConfig, options, datasource } = panel;
        const calculation = options?.reduceOptions?.calcs?.[0] ?? 'lastNotNull';
        if (!['stat', 'gauge', 'bargauge', 'table', 'timeseries'].includes(type) || calculation !== 'lastNotNull')
          continue;
        // What is written as words, or as how long ago, or is a list of traces, has no number of an answer.
        if (JSON.stringify(fieldConfig).includes('dateTimeFromNow') || fieldConfig?.defaults?.mappings?.length)
          continue;
        if (JSON.stringify(datasource).includes('tempo')) continue;
        const shown = await numbersShown(page, panel.id);
        for (const [column = '', numbers = []] of Map.groupBy(shown, (each) => each.column)) {
          const expected = await answers.asShownIn(panel, column);
          for (const { text } of numbers)
            assert.ok(
              expected.has(text),
              `${dashboard.title} / ${panel.title} ${column}: ${text} is in none of ${[...expected].filter((each) => each.startsWith(text.slice(0, 3))).join(', ')}`,
            );
        }
        compared.set(type, (compared.get(type) ?? 0) + shown.length);
      }
      if (dashboard.uid === 'vitrine-overview') {
        await page.goto(`${origin}/#/dashboards/${dashboard.uid}?from=now-1m&to=now&refresh=off`);
        await page.locator('.view[data-renewed]').waitFor();
        await takeDocsPicture(page, 'overview', 915);
      }
      assert.deepEqual(trouble, [], dashboard.title);
    }
  });

  it('asks each question once, anew for another variable, another time and again and again; a dot in a chart opens its trace', async () => {
    await using opened = await open('#/models');
    const { page, trouble } = opened;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(decodeURIComponent(request.url())));
    await page.goto(`${origin}/#/dashboards/vitrine-service?from=now-5m&to=now&refresh=off`);
    await page.locator('.view[data-renewed]').waitFor();
    const again = asked.filter(
      // The frame asks for alerts now and then.
      (url, at) => url.includes('/backends/') && !url.includes('/alertmanager/') && asked.indexOf(url) !== at,
    );
    assert.equal(again.length, 0, `asked again: ${again[0]}`);
    const forPerceptron = page.waitForRequest((request) => isForPerceptron(request.url()));
    await page.getByLabel('Model', { exact: true }).selectOption('perceptron');
    await forPerceptron;
    const range = page.waitForRequest((request) => {
      const { pathname, searchParams } = new URL(request.url());
      // One of a panel: events are asked for the whole time by another way.
      if (!searchParams.get('query')?.includes('inference_requests_total')) return false;
      return (
        pathname.endsWith('/query_range') && Number(searchParams.get('end')) - Number(searchParams.get('start')) >= 3500
      );
    });
    await page.getByLabel('Time', { exact: true }).selectOption('1h');
    await range;
    assert.match(page.url(), /from=now-1h.*|var-model=perceptron/);
    const renewals = async () => Number(await page.locator('.view').getAttribute('data-renewed'));
    const before = await renewals();
    await page.getByLabel('Refresh', { exact: true }).selectOption('5s');
    await page.getByLabel('Refresh', { exact: true }).focus();
    // One for the choice, the others by themselves; who is about to choose keeps their place.
    await waitFor('three renewals', async () => (await renewals()) >= before + 3, longer);
    assert.equal(await page.evaluate<string>('document.activeElement.id'), 'refresh');
    await page.getByLabel('Refresh', { exact: true }).selectOption('off');
    await page.goto(`${origin}/#/dashboards/vitrine-overview?from=now-5m&to=now&refresh=off`);
    const dot = page.locator('.exemplar').last();
    await dot.waitFor();
    const events = page.locator('.events summary');
    await events.waitFor();
    assert.match(await events.innerText(), /^\d+ events? in this time$/);
    const [, took = ''] = /^Trace of (.+) at /.exec((await dot.getAttribute('aria-label')) ?? '') ?? [];
    await dot.focus();
    await page.keyboard.press('Enter');
    await page.locator('.span').first().waitFor();
    assert.ok((await page.locator('.span em').allInnerTexts()).includes(took), `no span took ${took}`);
    assert.deepEqual(trouble, []);
  });

  it('lists the most and the slowest first, and sorts by the column that is pressed', async () => {
    await trafficMade;
    await using opened = await open('#/dashboards/vitrine-service?from=now-15m&to=now&refresh=off');
    const { page, trouble } = opened;
    await page.locator('.view[data-renewed]').waitFor();
    const column = (panel: string, at: number) =>
      page.getByRole('region', { name: panel, exact: true }).locator(`tbody td:nth-child(${at})`).allInnerTexts();
    const requests = (await column('Routes', 2)).map((text) => Number(text.replaceAll(/\s/g, '')));
    assert.ok(requests.length > 3);
    assert.deepEqual(
      requests,
      requests.toSorted((a, b) => b - a),
    );
    const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };
    const inMs = (text: string) => Number.parseFloat(text) * (unitMs[/[a-z]+$/.exec(text)?.[0] ?? ''] ?? Number.NaN);
    const took = (await column('Slow requests', 5)).map(inMs);
    assert.ok(took.length > 2);
    assert.deepEqual(
      took,
      took.toSorted((a, b) => b - a),
    );
    const names = (await column('Routes', 1)).toSorted();
    const head = page
      .getByRole('columnheader', { name: 'Route', exact: false })
      .getByRole('button', { name: /^Route/ });
    for (const expected of [names, names.toReversed()]) {
      await head.focus();
      await page.keyboard.press('Enter');
      assert.deepEqual(await column('Routes', 1), expected);
    }
    assert.deepEqual(trouble, []);
  });

  it('draws the last choice, also where an earlier one is answered after it', async () => {
    await using opened = await open('#/dashboards/vitrine-service?from=now-5m&to=now&refresh=off');
    const { page, trouble } = opened;
    await page.locator('.view[data-renewed]').waitFor();
    const release = Promise.withResolvers<void>();
    await page.route(
      ({ href }) => isForPerceptron(href),
      async (route) => {
        await release.promise;
        await route.continue();
      },
    );
    const held = page.waitForRequest((request) => isForPerceptron(request.url()));
    await page.getByLabel('Model', { exact: true }).selectOption('perceptron');
    const answered = (await held).response();
    await page.getByLabel('Model', { exact: true }).selectOption('gather');
    await page.locator('.view[data-renewed="2"]').waitFor();
    await page.evaluate(
      'for (const body of document.querySelectorAll(".panel-body")) body.firstChild.isOfTheLast = true',
    );
    release.resolve();
    await answered;
    await page.unrouteAll({ behavior: 'wait' });
    await page.waitForLoadState('networkidle');
    assert.deepEqual(
      await page.evaluate<string[]>(
        `[...document.querySelectorAll('.panel')].filter((panel) => !panel.querySelector('.panel-body').firstChild.isOfTheLast)
          .map((panel) => panel.getAttribute('aria-label'))`,
      ),
      [],
    );
    assert.equal(await page.locator('.view').getAttribute('data-renewed'), '2');
    assert.deepEqual(trouble, []);
  });

  it('shows what fires and since when, its runbook, and every rule', async () => {
    await using opened = await open('#/alerts');
    const { page, trouble } = opened;
    const alert = page.locator('.alert').first();
    await waitFor(
      'an alert',
      async () => {
        if (await alert.isVisible()) return true;
        await page.reload();
        await page.locator('.verdict').waitFor();
        return false;
      },
      longer,
    );
    await page.getByText(/\d+ rules/).click();
    assert.match(await alert.locator('time').innerText(), /^began \d+ (s|min) ago$/);
    assert.ok((await page.locator('.view-alerts tbody tr').count()) >= 50);
    await takePicture(page, 'alerts');
    const name = await alert.locator('h2').innerText();
    await alert.getByRole('link', { name: 'Runbook' }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    assert.ok((await page.locator('.prose p').count()) > 0);
    await takePicture(page, 'runbook');
    assert.deepEqual(trouble, []);
  });

  it('replays recorded requests with other settings beside what was, and the address has the question', async () => {
    await using opened = await open('#/models');
    const { page, trouble } = opened;
    const card = page.getByRole('region', { name: 'perceptron', exact: true });
    await card.getByRole('rowheader', { name: 'p95' }).waitFor();
    await card.getByRole('link', { name: 'What if' }).click();
    await page.getByRole('region', { name: 'Replay' }).first().waitFor();
    await page.getByLabel('Lanes').fill('3');
    await page.getByRole('button', { name: 'Replay' }).click();
    await page.getByText(/"count": 3/).waitFor();
    assert.match(page.url(), /#\/what-if\?model=perceptron.*lanes=3/);
    for (const name of ['As it was', 'As asked', 'Difference'])
      assert.equal(await page.getByRole('columnheader', { name }).count(), 1, name);
    await page.reload();
    await page.getByText(/"count": 3/).waitFor();
    assert.equal(await page.getByLabel('Lanes').inputValue(), '3');
    assert.deepEqual(trouble, []);
  });

  it('has no serious findings of axe, light, dark and on a phone', async () => {
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    await using opened = await open('#/try/generate');
    const { page } = opened;
    for (const [hash, ready] of [
      ['#/home', '.verdict'],
      ['#/try/generate', 'main h2'],
      ['#/requests', '.requests'],
      [`#/compare/${failedTrace}/${failedTrace}`, 'h1'],
      ['#/lanes?seconds=300', '.lanes > *'],
      ['#/jobs', '.list > *'],
      ['#/tenants', '.grid-table'],
      ['#/stack', '.grid-table'],
      ['#/queries?query=up', '.query-result .panel[data-state]'],
      ['#/reference/settings', '.grid-table'],
      ['#/reference/errors/queue_full', '.card'],
      [`#/requests/${failedTrace}`, '.span'],
      ['#/dashboards/vitrine-overview?from=now-5m&refresh=off', '.view[data-renewed]'],
      ['#/models', '.model'],
      ['#/what-if?model=perceptron&lanes=2', '.grid-table'],
      ['#/alerts', '.verdict'],
      ['#/runbooks/ServiceDown', '.prose'],
    ] as const) {
      await page.goto(`${origin}/${hash}`);
      await page.locator(ready).first().waitFor();
      await takePicture(
        page,
        `view-${hash
          .slice(2)
          .replaceAll(/[^a-z]+/g, '-')
          .slice(0, 24)}`,
      );
      for (const look of [
        { width: 1440, theme: 'light' },
        { width: 1440, theme: 'dark' },
        { width: 390, theme: 'light' },
      ] as const) {
        await wear(page, look);
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
      }
    }
  });

  it('says which store is away, goes on with the rest, and finds it again', async () => {
    await using opened = await open(`#/requests/${failedTrace}`);
    const { page, trouble } = opened;
    await page.locator('.span').first().waitFor();
    await stack().kill('tempo', 'SIGKILL');
    await page.reload();
    await page.locator('section', { hasText: 'Cannot ask Tempo' }).first().waitFor();
    await page.locator('.log-line').first().waitFor();
    assert.match(await page.locator('.account-table').innerText(), /\d %/);
    await takePicture(page, 'tempo-away');
    await using dashboard = await open('#/dashboards/vitrine-service?from=now-5m&to=now&refresh=off');
    await dashboard.page.locator('.view[data-renewed]').waitFor();
    const panel = (name: string) => dashboard.page.getByRole('region', { name, exact: true }).first();
    assert.match(await panel('Slow requests').innerText(), /Cannot ask Tempo/);
    assert.equal(await panel('Requests by route').getAttribute('data-state'), 'drawn');
    await stack().start('tempo');
    await waitFor(
      'the trace again',
      async () => {
        if (await page.locator('.span').first().isVisible()) return true;
        await page.getByRole('button', { name: 'Try again' }).click({ timeout: 1_000 });
        return false;
      },
      longer,
    );
    assert.deepEqual(trouble, []);
  });

  it('leaves nothing of its own to be seen: no request, no trace, no line', async () => {
    const headers = { authorization: `Bearer ${adminToken}` };
    const prometheus = (query: string) =>
      fetch(`${origin}/backends/prometheus/api/v1/query?query=${encodeURIComponent(query)}`, { headers }).then(
        async (response) =>
          ((await response.json()) as { data: { result: { value: [number, string] }[] } }).data.result,
      );
    const [asked] = await prometheus('sum(vitrine_proxy_requests_total)');
    assert.ok(Number(asked?.value[1]) > 500, 'what it asks of the stores is counted apart');
    const [away] = await prometheus('sum(vitrine_proxy_requests_total{backend="tempo", status="backend_away"})');
    assert.ok(Number(away?.value[1]) > 0, 'and what came of it');
    assert.deepEqual(await prometheus('http_requests_total{endpoint=~"/backends.*|/page.*|/assets.*|/"} > 0'), []);
    const lines = await fetch(
      `${origin}/backends/loki/loki/api/v1/query_range?query=${encodeURIComponent('{service_name="vitrine"} |= "/backends/"')}`,
      { headers },
    );
    assert.deepEqual(((await lines.json()) as { data: { result: unknown[] } }).data.result, []);
  });
});

/** What is still empty or refused, with its reason; what cannot have data here is left out. */
async function panelsWithout(page: Page, panels: readonly Panel[]): Promise<string[]> {
  const missing = await page.evaluate<{ id: number; says: string }[]>(
    `[...document.querySelectorAll('.panel')].filter((panel) => panel.dataset.state !== 'drawn' ||
        panel.querySelector('.panel-body > .notice, .stat-value')?.textContent.match(/^(No |Nothing|–$|Waits)/) ||
        !panel.querySelector('.u-wrap, .stat-value, .gauge, .bars, .states, table, canvas, .log, .prose p'))
      .map((panel) => ({ id: Number(panel.dataset.panel), says: panel.innerText.slice(0, 200) }))`,
  );
  return missing.flatMap(({ id, says }) => {
    const { title = '' } = panels.find((panel) => panel.id === id) ?? {};
    return emptyHere.test(title) ? [] : [`${title}: ${says.replaceAll(/\s+/g, ' ')}`];
  });
}

function isForPerceptron(url: string): boolean {
  return decodeURIComponent(url).includes('model=~"perceptron"');
}

function focused(page: Page): Promise<string> {
  return page.evaluate<string>('document.activeElement.textContent.trim()');
}

/** As somebody without a pointer gets there. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 120; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await focused(page)) === text) return;
  }
  assert.fail(`the keyboard does not reach ${text}`);
}
