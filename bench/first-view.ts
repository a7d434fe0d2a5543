import { type BrowserForTests, startBrowser } from '../testkit/browser.ts';
import { startStack } from '../testkit/stack.ts';
import { waitFor } from '../testkit/wait-for.ts';
import { numberOption } from './option.ts';
import { median, rotated, spread } from './statistics.ts';

// How soon a view is drawn: from the start of the navigation to the frame that has it, by the
// browser's own clock; nothing cached, the real stack behind. Wanted: the first view, /, within a
// second.
// Usage: node bench/first-view.ts [--rounds 10]

const rounds = numberOption('rounds', 10);
/** By address: what is there once the view is drawn, with what it asked for. */
const views: Readonly<Record<string, string>> = {
  '/': 'main form button[type="submit"]',
  '/#/requests': '.requests tbody tr',
  '/#/models': '.model',
  '/#/dashboards/vitrine-overview': '.view[data-renewed]',
};

await using stack = await startStack();
const origin = stack.url('service');
await using browser = await chromiumOrEnd();

console.log(`the page not made yet: ${(await drawnMs('/')).toFixed(0)} ms`);
await waitFor('what there is to be drawn', async () => {
  await fetch(`${origin}/v2`);
  const found = await fetch(`${origin}/backends/prometheus/api/v1/query?query=sum(rate(http_requests_total[10s]))>0`);
  return ((await found.json()) as { data: { result: unknown[] } }).data.result.length > 0;
});
const taken = new Map(Object.keys(views).map((view) => [view, [] as number[]]));
for (let round = 0; round < rounds; round += 1)
  for (const [view, ofView] of rotated([...taken], round)) ofView.push(await drawnMs(view));
console.log(`\n| view | ms: median (range of ${rounds}) |\n|---|---|`);
for (const [view, ms] of taken) console.log(`| ${view} | ${median(ms).toFixed(0)} (${spread(ms, 0)}) |`);

async function chromiumOrEnd(): Promise<BrowserForTests> {
  const started = await startBrowser();
  if ('unavailable' in started) throw new Error(`Cannot measure: ${started.unavailable}.`);
  return started;
}

/** In a browser profile of its own, so that neither files nor compiled code are there already. */
async function drawnMs(view: string): Promise<number> {
  await using opened = await browser.open(origin, view.slice(1), { script: noteWhenDrawn(views[view]!) });
  return await waitFor(view, () => opened.page.evaluate<number | undefined>('window.drawnAtMs'));
}

function noteWhenDrawn(selector: string): string {
  return `requestAnimationFrame(function look() {
    if (document.querySelector(${JSON.stringify(selector)})) requestAnimationFrame(() => setTimeout(() => { window.drawnAtMs = performance.now(); }));
    else requestAnimationFrame(look);
  });`;
}
