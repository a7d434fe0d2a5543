import type { DatasetReport, ReportRow } from './dataset-report.ts';
import { type MeasureName, measures } from './measures.ts';

/** Rows of a table in the page; the CSV has all. */
const rowsMax = 500;
const binsMin = 6;
const binsMax = 24;

/** Places after the point: one column has the same in all rows. */
const places: Readonly<Record<MeasureName, number>> = {
  topsis: 3,
  dnsmos_overall: 2,
  dnsmos_speech: 2,
  dnsmos_background: 2,
  snr_db: 1,
  segmental_snr_db: 1,
  si_sdr_db: 1,
  stoi: 3,
  loudness_lufs: 1,
  peak_db: 1,
  clipping_ratio: 4,
  silence_ratio: 3,
};

/** The report as one page that needs nothing else: no script, no outside resource. */
export function datasetPage(report: DatasetReport): string {
  const { dataset, processor, rows } = report;
  const ranked = rows.filter(({ rank }) => rank !== undefined);
  const done = rows.filter(({ status }) => status === 'success');
  const left = rows.filter(({ status, reason }) => status !== 'success' || reason !== undefined);
  const plots = (Object.keys(measures) as MeasureName[]).flatMap((name) => {
    const values = rows.flatMap((row) => row.measures[name] ?? []);
    return values.length === 0 ? [] : [histogram(name, values)];
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${inHtml(dataset)}: ${inHtml(processor)}</title>
<style>${style}</style>
</head>
<body>
<h1>${inHtml(dataset)}</h1>
<p class="facts">${inHtml(processor)} · ${report.files} files · ${report.success} done · ${report.excluded} excluded · ${report.failed} failed ·
${(report.audio_seconds / 60).toFixed(1)} minutes of sound · Vitrine ${inHtml(report.vitrine)} · ${inHtml(report.made_at)}</p>
${report.complete ? '' : '<p class="warning" role="note">The run was broken off: files are missing. Run it again; what is done is not done twice.</p>'}
${plots.length > 0 ? `<h2>Distributions</h2>\n<p>Files by value; the dashed line is the median.</p>\n<div class="plots">${plots.join('\n')}</div>` : ''}
<h2>Excluded and failed</h2>
${left.length > 0 ? `<p>${inHtml(reasonsCounted(left))}.</p>\n${reasonsTable(left)}` : '<p>None.</p>'}
${ranked.length > 0 ? `<h2>Ranking</h2>\n<p>By TOPSIS over ${inHtml(inWords(report.weights ?? {}))}.</p>\n${rankingTable(ranked)}` : ''}
${ranked.length === 0 && done.length > 0 ? `<h2>Files</h2>\n${filesTable(done)}` : ''}
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5a6577; --line: #d7dde6; --bar: #2f6fde; --paper: #fff; --warn: #8a4b00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf3; --soft: #a3afc2; --line: #364052; --bar: #6c9dfa; --paper: #141922; --warn: #ffb454 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 88rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } .facts { color: var(--soft) } .warning { color: var(--warn); font-weight: 600 }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem }
figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .75rem } figcaption { font-weight: 600 }
svg { width: 100%; height: auto; display: block } svg rect { fill: var(--bar) } svg text { fill: var(--soft); font-size: 11px }
svg line { stroke: var(--line) } figure p { margin: .25rem 0 0; color: var(--soft); font-size: 13px }
svg .middle { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 3 3 }
.table { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: 14px }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap } th { vertical-align: bottom; position: sticky; top: 0; background: var(--paper) }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums } th.number { white-space: normal; min-width: 3.5rem }
td.file { min-width: 13rem } td.why { min-width: 20rem } td.file, td.why { white-space: normal; overflow-wrap: anywhere }
td.share { background: linear-gradient(to left, color-mix(in srgb, var(--bar) 28%, transparent) var(--share), transparent var(--share)) }
`;

function histogram(name: MeasureName, values: readonly number[]): string {
  const title = measures[name];
  const sorted = [...values].sort((one, other) => one - other);
  const [least, most] = [sorted[0]!, sorted.at(-1)!];
  const bins = Math.min(binsMax, Math.max(binsMin, Math.ceil(1.5 * Math.sqrt(values.length))));
  const width = (most - least) / bins || 1;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((value - least) / width))]! += 1;
  const top = Math.max(...counts);
  const [left, right, floor, height] = [26, 300, 116, 100];
  const step = (right - left) / bins;
  const say = (value: number) => figure(name, value);
  const bars = counts.map((count, at) => {
    const from = least + at * width;
    const tall = (height * count) / top;
    return count === 0
      ? ''
      : `<rect x="${(left + at * step + 1).toFixed(1)}" y="${(floor - tall).toFixed(1)}" width="${(step - 2).toFixed(1)}" height="${tall.toFixed(1)}"><title>${say(from)} to ${say(from + width)}: ${count}</title></rect>`;
  });
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const middle = (left + ((quantile(0.5) - least) / (bins * width)) * (right - left)).toFixed(1);
  return `<figure><figcaption>${inHtml(title)}</figcaption>
<svg viewBox="0 0 308 134" role="img" aria-label="${inHtml(title)}: median ${say(quantile(0.5))}, from ${say(least)} to ${say(most)}">
<line x1="${left}" y1="${floor}" x2="${right}" y2="${floor}"/>${bars.join('')}
<line class="middle" x1="${middle}" y1="${floor - height - 4}" x2="${middle}" y2="${floor}"/>
<text x="${left - 6}" y="${floor - height + 4}" text-anchor="end">${top}</text><text x="${left - 6}" y="${floor}" text-anchor="end">0</text>
<text x="${left}" y="130">${say(least)}</text><text x="${right}" y="130" text-anchor="end">${say(most)}</text></svg>
<p>${values.length} files · p10 ${say(quantile(0.1))} · median ${say(quantile(0.5))} · p90 ${say(quantile(0.9))}</p></figure>`;
}

function rankingTable(rows: readonly ReportRow[]): string {
  const names = (Object.keys(measures) as MeasureName[]).filter(
    (name) => name !== 'topsis' && rows.some((row) => row.measures[name] !== undefined && row.measures[name] !== null),
  );
  const head = [number('Rank'), text('File'), number('TOPSIS'), ...names.map((name) => number(measures[name]))];
  const body = rows.slice(0, rowsMax).map((row) => {
    const { rank, file, topsis = 0 } = row;
    const score = `<td class="number share" style="--share:${(100 * topsis).toFixed(0)}%">${figure('topsis', topsis)}</td>`;
    const figures = names.map((name) => numberCell(figure(name, row.measures[name])));
    return `<tr>${numberCell(String(rank))}${textCell(file, 'file')}${score}${figures.join('')}</tr>`;
  });
  return table(head, body, rows.length);
}

function filesTable(rows: readonly ReportRow[]): string {
  const head = [text('File'), text('Made of it'), number('Seconds'), number('Took (s)')];
  const body = rows.slice(0, rowsMax).map(({ file, output = '', seconds, took_seconds: took }) => {
    const times = [seconds, took].map((each) => numberCell(each?.toFixed(2) ?? '–'));
    return `<tr>${textCell(file, 'file')}${textCell(output, 'file')}${times.join('')}</tr>`;
  });
  return table(head, body, rows.length);
}

function reasonsTable(rows: readonly ReportRow[]): string {
  const head = [text('File'), text('What'), text('Code'), text('Why')];
  const body = rows
    .slice(0, rowsMax)
    .map(
      (row) =>
        `<tr>${textCell(row.file, 'file')}${textCell(whatBecame(row))}${textCell(row.code ?? '')}${textCell(row.reason ?? '', 'why')}</tr>`,
    );
  return table(head, body, rows.length);
}

/** As in `3 excluded (invalid_audio), 6 not ranked`: the most frequent first. */
function reasonsCounted(rows: readonly ReportRow[]): string {
  const kinds = Map.groupBy(rows, (row) => `${whatBecame(row)}${row.code === undefined ? '' : ` (${row.code})`}`);
  return [...kinds]
    .sort(([, one], [, other]) => other.length - one.length)
    .map(([kind, of]) => `${of.length} ${kind}`)
    .join(', ');
}

function whatBecame({ status }: ReportRow): string {
  return status === 'success' ? 'not ranked' : status;
}

function table(head: readonly string[], body: readonly string[], of: number): string {
  const more = of > body.length ? `<p>The first ${body.length} of ${of}; report.csv has all.</p>` : '';
  return `<div class="table"><table><thead><tr>${head.join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>${more}`;
}

function text(title: string): string {
  return `<th scope="col">${inHtml(title)}</th>`;
}

function number(title: string): string {
  return `<th scope="col" class="number">${inHtml(title)}</th>`;
}

function textCell(value: string, kind?: 'file' | 'why'): string {
  return `<td${kind === undefined ? '' : ` class="${kind}"`}>${inHtml(value)}</td>`;
}

function numberCell(value: string): string {
  return `<td class="number">${value}</td>`;
}

function figure(name: MeasureName, value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(places[name]).replace('-', '−');
}

function inWords(weights: Readonly<Record<string, number>>): string {
  return Object.entries(weights)
    .map(([name, weight]) => (weight === 1 ? name : `${name} × ${weight}`))
    .join(', ');
}

function inHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
