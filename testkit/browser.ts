import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const program = '/usr/bin/chromium';

/** Debian's Chromium, driven; or why there is none. */
export async function startBrowser(): Promise<BrowserForTests | { unavailable: string }> {
  if (!existsSync(program)) return { unavailable: `${program} is not there; apt-get install chromium` };
  // Its sandbox needs privileges that containers do not give; it opens nothing but our own page.
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  return new BrowserForTests(browser);
}

export class BrowserForTests implements AsyncDisposable {
  readonly #browser: Browser;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /**
   * A page of its own, as somebody who has given `key` already, with what went wrong in it: errors of
   * scripts and of the Content-Security-Policy, and requests to anywhere but `origin`. `script` runs
   * before the page's scripts.
   */
  async open(origin: string, hash: string, { key = '', width = 1440, script = '' } = {}): Promise<OpenPage> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: 'light',
      bypassCSP: false,
      reducedMotion: 'reduce',
    });
    if (key !== '') await context.addInitScript(`sessionStorage.setItem('vitrine.key', ${JSON.stringify(key)})`);
    if (script !== '') await context.addInitScript(script);
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMs);
    const trouble: string[] = [];
    page.on('pageerror', (error) => trouble.push(error.message));
    // Chromium writes a line of its own for each answer that is not 2xx: those the page shows are
    // meant.
    page.on('console', (line) => {
      if (line.type() === 'error' && !/Failed to load resource/.test(line.text())) trouble.push(line.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url()))
        trouble.push(`asked ${request.url()}`);
    });
    await page.goto(`${origin}/${hash}`);
    return { page, trouble, [Symbol.asyncDispose]: () => context.close() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

export type OpenPage = AsyncDisposable & { page: Page; trouble: string[] };

/** How long anything may take on a machine that does much else. */
const patienceMs = 240_000;

const looks = [
  { name: '', width: 1440, theme: 'light' },
  { name: '-dark', width: 1440, theme: 'dark' },
  { name: '-phone', width: 390, theme: 'light' },
] as const;

/**
 * For people who change the page: with VITRINE_SCREENSHOTS=<folder> every view is left there, light,
 * dark and at a phone's width.
 */
export async function takePicture(page: Page, name: string): Promise<void> {
  const folder = process.env.VITRINE_SCREENSHOTS ?? '';
  if (folder === '') return;
  await mkdir(folder, { recursive: true });
  for (const look of looks) {
    await wear(page, look);
    const height = await page.evaluate<number>('document.documentElement.scrollHeight');
    await page.setViewportSize({ width: look.width, height: Math.min(3600, Math.max(900, height)) });
    await settle(page);
    await page.screenshot({ path: join(folder, `${name}${look.name}.png`) });
  }
  await wear(page, looks[0]);
}

/**
 * For README and the guide: with VITRINE_PICTURES=docs/pictures they are made again, light and dark,
 * as WebP of what fits on one screen.
 */
export async function takeDocsPicture(page: Page, name: string, height: number): Promise<void> {
  const folder = process.env.VITRINE_PICTURES ?? '';
  if (folder === '') return;
  await mkdir(folder, { recursive: true });
  const session = await page.context().newCDPSession(page);
  for (const look of looks.slice(0, 2)) {
    await wear(page, look);
    await page.setViewportSize({ width: 1280, height });
    await settle(page);
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
    await writeFile(join(folder, `${name}${look.name}.webp`), Buffer.from(data, 'base64'));
  }
  await session.detach();
  await wear(page, looks[0]);
}

/** The page in another size and theme, as its own button changes it. */
export async function wear(page: Page, { width, theme }: { width: number; theme: 'light' | 'dark' }): Promise<void> {
  await page.setViewportSize({ width, height: 900 });
  const now = await page.evaluate<string>('getComputedStyle(document.documentElement).colorScheme');
  if (now !== theme) await page.getByRole('button', { name: 'Switch between light and dark' }).click();
  await settle(page);
}

/** Charts redraw for their size and colours within a frame or two. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 80))))',
  );
}
