import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { isScalar, parseDocument, visit } from 'yaml';
import { makeFolder } from '../src/make-folder.ts';
import { StackFailure } from './stack-failure.ts';

/**
 * Prometheus and Alertmanager cannot expand the environment. Their files name the addresses of
 * compose; natively they read copies, rendered here: each address replaced by the native one, and
 * for tests the durations made shorter.
 */
export type Rendering = {
  /** What replaces what: `tempo:3200` → `127.0.0.1:15200`. */
  addresses: Readonly<Record<string, string>>;
  /** How often Prometheus scrapes and evaluates, before scaling. */
  scrapeInterval: string;
  /**
   * Every interval, `for`, window and wait is multiplied by it, and stays at 1 s or more; a window
   * also at so many scrapes that rate() has something to go by. Thresholds are numbers and stay.
   */
  timeScale: number;
  /** What the store of metrics scrapes: the jobs of the servers that run. */
  scrapeJobs?: readonly object[];
  /** What the links of alerts begin with, where it is not what the files say. */
  links?: { grafanaUrl: string; runbooksUrl: string };
};

/**
 * Samples that a window holds at least, however short the time was made: on a machine that does
 * much else some come late.
 */
const samplesMin = 10;
/** Samples that a rule holds for at least: what is so for as long as one is late is no trouble. */
const samplesHeldMin = 3;

type FileKind = 'prometheus' | 'scrape' | 'rules' | 'alertmanager' | 'other';

/**
 * Writes the rendered copy of a folder's YAML files (its `server/` and tests left out); files that
 * are gone are gone there too.
 */
export async function renderConfiguration(from: string, to: string, rendering: Rendering): Promise<void> {
  await rm(to, { recursive: true, force: true });
  for (const file of await yamlFilesIn(from)) {
    const target = join(to, file);
    await makeFolder(dirname(target));
    await writeFile(target, renderFile(await readFile(join(from, file), 'utf8'), kindOf(file), rendering));
  }
}

export function renderFile(
  text: string,
  kind: FileKind,
  { addresses, scrapeInterval, timeScale, links, scrapeJobs }: Rendering,
): string {
  let rendered = text;
  if (scrapeJobs !== undefined && (kind === 'prometheus' || kind === 'scrape')) {
    const whole = parseDocument(rendered);
    whole.setIn(['scrape_configs'], scrapeJobs);
    rendered = whole.toString({ lineWidth: 0 });
  }
  if (links !== undefined && kind === 'rules') {
    rendered = rendered
      .replaceAll('http://localhost:3000/d/', `${links.grafanaUrl.replace(/\/+$/, '')}/d/`)
      .replaceAll('runbook: docs/runbooks/', `runbook: ${links.runbooksUrl.replace(/\/+$/, '')}/`);
  }
  for (const [composed, native] of Object.entries(addresses)) {
    rendered = rendered.replaceAll(new RegExp(`(?<![\\w.-])${composed.replaceAll('.', '\\.')}(?!\\d)`, 'g'), native);
  }
  if (kind === 'other') return rendered;
  const document = parseDocument(rendered);
  if (document.errors[0]) throw document.errors[0];

  if (kind === 'prometheus' || kind === 'scrape') document.setIn(['global', 'scrape_interval'], scrapeInterval);
  if (kind === 'prometheus') {
    document.setIn(['global', 'evaluation_interval'], scrapeInterval);
  }
  if (timeScale === 1) return document.toString({ lineWidth: 0 });
  const atLeast = (samples: number, duration: string) =>
    scaleToSamples(duration, samples, { timeScale, scrapeInterval });
  visit(document, {
    Pair(_, pair) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      if (name === 'labels' || name === 'annotations') return visit.SKIP; // Free words, whatever they are called.
      if (!isScalar(pair.value) || typeof pair.value.value !== 'string') return undefined;
      if (kind === 'rules' && name === 'for') pair.value.value = atLeast(samplesHeldMin, pair.value.value);
      else if (scaledKeys[kind].has(name)) pair.value.value = scaleDuration(pair.value.value, timeScale);
      else if (kind === 'rules' && name === 'expr')
        pair.value.value = scaleWindows(pair.value.value, timeScale, scrapeInterval);
    },
  });
  return document.toString({ lineWidth: 0 });
}

const scaledKeys = {
  prometheus: new Set(['scrape_interval', 'scrape_timeout', 'evaluation_interval', 'group_interval']),
  scrape: new Set(['scrape_interval', 'scrape_timeout']),
  rules: new Set(['interval', 'keep_firing_for']),
  alertmanager: new Set(['group_wait', 'group_interval', 'repeat_interval']),
} as const;

/**
 * How far back Prometheus looks for the last point of a series: five minutes, scaled like the
 * windows.
 */
export function lookBack(timeScale: number, scrapeInterval: string): string {
  return scaleToSamples('5m', samplesMin, { timeScale, scrapeInterval });
}

/** `5m` times 0.1 is `30s`. */
export function scaleDuration(duration: string, timeScale: number): string {
  const scaledMs = Math.max(1000, Math.round(durationMs(duration) * timeScale));
  return scaledMs % 1000 === 0 ? `${scaledMs / 1000}s` : `${scaledMs}ms`;
}

/** The same, and never less than so many samples take. */
function scaleToSamples(
  duration: string,
  samples: number,
  { timeScale, scrapeInterval }: Pick<Rendering, 'timeScale' | 'scrapeInterval'>,
): string {
  const scaled = scaleDuration(duration, timeScale);
  const msMin = samples * durationMs(scaleDuration(scrapeInterval, timeScale));
  return durationMs(scaled) < msMin ? `${msMin}ms` : scaled;
}

/** Range windows, steps and offsets of PromQL and LogQL, and times of LogsQL; numbers stay. */
function scaleWindows(expression: string, timeScale: number, scrapeInterval: string): string {
  const scale = (duration: string) => scaleDuration(duration, timeScale);
  const scaleWindow = (duration: string) => scaleToSamples(duration, samplesMin, { timeScale, scrapeInterval });
  return expression
    .replaceAll(/\[([\dsmhdwy]+)(:)?([\dsmhdwy]+)?\]/g, (_, window: string, colon = '', step = '') => {
      return `[${scaleWindow(window)}${colon}${step === '' ? '' : scale(step)}]`;
    })
    .replaceAll(/\b_time:(\d+[smhdw])\b/g, (_, window: string) => `_time:${scaleWindow(window)}`)
    .replaceAll(
      /\boffset(\s+-?)([\dsmhdwy]+)/g,
      (_, between: string, offset: string) => `offset${between}${scale(offset)}`,
    );
}

const unitMs: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

export function durationMs(duration: string): number {
  const parts = [...duration.matchAll(/(\d+)(ms|[smhdwy])/g)];
  if (duration === '' || parts.map(([part]) => part).join('') !== duration) {
    throw new StackFailure(
      `Cannot read the duration "${duration}": it is not one; write for example 30s, 5m or 1h30m.`,
    );
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? Number.NaN), 0);
}

function kindOf(file: string): FileKind {
  if (file === 'prometheus.yaml') return 'prometheus';
  if (file === 'scrape.yaml') return 'scrape';
  if (file === 'alertmanager.yaml') return 'alertmanager';
  return /^rules(-by-stream)?\//.test(file) ? 'rules' : 'other';
}

async function yamlFilesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(ya?ml|tmpl)$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('server/') && !file.startsWith('rules/tests/'));
}
