import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
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

  /** A page of its own, with what went wrong in it: errors of scripts and of the Content-Security-Policy, and requests to anywhere but `origin`. */
  async open(origin: string, hash: string, { width = 1440, dark = false } = {}): Promise<OpenPage> {
    const context = await this.#browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: dark ? 'dark' : 'light',
      bypassCSP: false,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    const trouble: string[] = [];
    page.on('pageerror', (error) => trouble.push(error.message));
    // Chromium writes a line of its own for each answer that is not 2xx: those the page shows are meant.
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

/** Where pictures go: VITRINE_SCREENSHOTS, or nowhere. Whoever changes the page looks at them. */
const pictures = process.env.VITRINE_SCREENSHOTS ?? '';

export async function takePicture(page: Page, name: string): Promise<void> {
  if (pictures === '') return;
  await mkdir(pictures, { recursive: true });
  const width = page.viewportSize()?.width ?? 1440;
  const height = await page.evaluate<number>('document.documentElement.scrollHeight');
  await page.setViewportSize({ width, height: Math.min(3600, Math.max(900, height)) });
  // Charts draw anew for their new size within a frame or two.
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))',
  );
  await page.screenshot({ path: join(pictures, `${name}.png`) });
  await page.setViewportSize({ width, height: 900 });
}
