// alone: its figures depend on the time of the machine
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type BrowserForTests, startBrowser, takePicture } from '../../testkit/browser.ts';
import { gather, slow, writeModel } from '../../testkit/models/models.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { toneWav } from '../../testkit/tone-wav.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

const keys = { studio: 'key-of-the-studio-0001', guest: 'key-of-the-guest-00001' } as const;
const adminToken = 'token-of-the-administrator';
const separator = join(import.meta.dirname, '../../models/harmonic-percussive');
const clicksMax = 3;
const tasksPerMinute = 40;
const longer = { deadlineMs: 120_000, everyMs: 500 };

/**
 * What somebody on call is asked, from the symptom to a sentence on screen that names the cause.
 * Each way is counted in clicks.
 */
describe('somebody on call finds the cause', function () {
  this.timeout(600_000);
  let browser: BrowserForTests;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let stack: Stack;
  let origin: string;

  before(async function () {
    browser = availableOrSkip(this, await startBrowser());
    folder = await temporaryFolder();
    await writeModel(folder.path, 'gather', gather());
    await writeModel(folder.path, 'slow', slow());
    await cp(separator, join(folder.path, 'harmonic-percussive'), { recursive: true });
    const credentials = await writeCredentials(folder.path, { keys, adminToken });
    stack = await startStack({
      env: {
        VITRINE_MODELS: folder.path,
        ...credentials,
        VITRINE_TASKS_PER_MINUTE_MAX: String(tasksPerMinute),
        VITRINE_TRACE_FIRST_PER_SECOND: '1000',
      },
    });
    origin = stack.url('service');
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await stack?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  it('why a request took so long: it waited behind those of another tenant', async () => {
    await Promise.all(
      Array.from({ length: 6 }, (_, at) => inferSlow(`crowd-${at}`, 100, keys.studio)).concat(
        inferSlow('mine', 5, keys.guest),
      ),
    );
    await using walk = await begin('#/home');
    await walk.click(walk.page.locator('section[aria-label="Slowest requests"] li a').first());
    const sentence = await walk.sentence();
    assert.match(sentence, /wait|behind/i);
    await walk.ends('queueing');
    // By its id alone, from anywhere.
    await using search = await begin('#/home');
    await search.page.keyboard.press('Control+k');
    await search.page.locator('.palette input').waitFor();
    await search.page.keyboard.type('mine');
    await search.page.locator('.palette li', { hasText: 'mine' }).first().waitFor();
    await search.page.keyboard.press('Enter');
    assert.match(await search.sentence(), /crowd-|slow|lane|behind|wait/i);
    await search.ends('queueing-by-id');
  });

  it('why a model fails for some: what failed inputs have that good ones lack', async () => {
    for (let at = 0; at < 40; at += 1) await inferGather(at % 5 === 0 ? 99 : 1, `part-${at}`);
    await using walk = await begin('#/home');
    await walk.click(walk.page.locator('.finding', { hasText: 'gather' }).locator('a').first());
    await walk.page.locator('section[aria-label="What parts them"]').waitFor();
    await walk.click(walk.page.locator('.requests a', { hasText: 'infer' }).first());
    const failure = walk.page.locator('section[aria-label="Why it failed"]');
    await failure.waitFor();
    assert.match(await failure.innerText(), /ONNX Runtime|gather|index|out of/i);
    await walk.ends('failing');
  });

  it('who is refused: a tenant without quota, which quota and how many', async () => {
    for (let at = 0; at < tasksPerMinute + 15; at += 1)
      await post('/v1/separate', keys.guest, { 'x-request-id': `import-${at}` }, new FormData());
    await using walk = await begin('#/home');
    const finding = walk.page.locator('.finding', { hasText: 'rate_limited' });
    await finding.waitFor();
    assert.match(await finding.innerText(), /guest\s+\d+ requests refused: 429 rate_limited/);
    await walk.click(finding.getByRole('link', { name: 'Quotas' }));
    const row = walk.page.locator('section[aria-label="Quotas"] tr', { hasText: 'guest' });
    await row.waitFor();
    assert.match(await row.innerText(), new RegExp(`\\d+ of ${tasksPerMinute}`));
    const use = walk.page.locator('section[aria-label="Use"] tr', { hasText: 'guest' });
    assert.match(await use.innerText(), /rate_limited/);
    await walk.ends('refused');
  });

  it('who slows the others: a long sound, by its name', async () => {
    let isOver = false;
    const big = separate('big-sep', 120, keys.studio).finally(() => {
      isOver = true;
    });
    const small: string[] = [];
    // It decodes first, and takes the lanes later.
    while (!isOver && small.length < 40) {
      const name = `small-sep-${String(small.length).padStart(2, '0')}`;
      small.push(name);
      await separate(name, 2, keys.studio);
    }
    await big;
    await using walk = await begin('#/requests?task=separate&text=small-sep');
    const named = await waitFor(
      'a small one that waited',
      async () => {
        for (const name of small) if (/big-sep/.test(await whyOf(name))) return name;
        return undefined;
      },
      longer,
    );
    await walk.page.goto(`${origin}/#/requests?text=${named}`);
    await walk.click(walk.page.locator('.requests a', { hasText: '/v1/separate' }).first());
    assert.match(await walk.page.locator('.why').innerText(), /big-sep/);
    await walk.ends('slowed');
  });

  it('what happened at a minute: the Collector was restarted', async () => {
    await stack.restart('collector');
    await using walk = await begin('#/home');
    await walk.click(walk.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Stack' }));
    await waitFor(
      'the restart as an event',
      async () => {
        const line = walk.page.getByText('collector restarted').first();
        if (await line.isVisible()) return true;
        await walk.page.reload();
        await walk.page.locator('.grid-table').first().waitFor();
        return false;
      },
      { deadlineMs: 240_000, everyMs: 5_000 },
    );
    await walk.ends('restarted');
  });

  /** A person before the page, whose clicks are counted. */
  async function begin(hash: string) {
    const { page, trouble, ...opened } = await browser.open(origin, hash, { key: adminToken });
    let clicks = 0;
    return {
      page,
      click: async (on: Locator) => {
        clicks += 1;
        await on.click();
      },
      sentence: () => page.locator('.why-sentence').innerText(),
      ends: async (name: string) => {
        await takePicture(page as Page, `investigation-${name}`);
        assert.deepEqual(trouble, []);
        assert.ok(clicks <= clicksMax, `${clicks} clicks`);
      },
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  }

  async function whyOf(id: string): Promise<string> {
    const response = await fetch(`${origin}/v1/requests/${id}/why`, {
      headers: { authorization: `Bearer ${adminToken}` },
    });
    return response.text();
  }

  function inferSlow(id: string, iterations: number, key: string): Promise<void> {
    const inputs = [
      { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
      { name: 'iterations', datatype: 'INT64', shape: [], data: [iterations] },
    ];
    return postJson('slow', id, inputs, key);
  }

  function inferGather(index: number, id: string): Promise<void> {
    return postJson('gather', id, [{ name: 'index', datatype: 'INT64', shape: [1, 1], data: [index] }], keys.studio);
  }

  function postJson(model: string, id: string, inputs: unknown, key: string): Promise<void> {
    const headers = { 'content-type': 'application/json', 'x-request-id': id };
    return post(`/v2/models/${model}/infer`, key, headers, JSON.stringify({ inputs }));
  }

  function separate(id: string, seconds: number, key: string): Promise<void> {
    const body = new FormData();
    body.append('file', new Blob([toneWav({ seconds, sampleRateHz: 44_100 }).slice()]), `${id}.wav`);
    return post('/v1/separate', key, { 'x-request-id': id }, body);
  }

  async function post(path: string, key: string, more: Record<string, string>, body: string | FormData): Promise<void> {
    const headers = { authorization: `Bearer ${key}`, ...more };
    const response = await fetch(`${origin}${path}`, { method: 'POST', headers, body });
    await response.arrayBuffer();
  }
});
