import { type DatasetReport, type MeasureName, measures, type ReportRow } from './dataset-report.ts';

/** Rows of a table in the page; the CSV has all. */
const rowsMax = 500;
const bins = 24;

/** The report as one page that needs nothing else: no script, no outside resource. */
export function datasetPage(report: DatasetReport): string {
  const { dataset, processor, rows } = report;
  const ranked = rows.filter(({ rank }) => rank !== undefined);
  const done = rows.filter(({ status }) => status === 'success');
  const left = rows.filter(({ status, reason }) => status !== 'success' || reason !== undefined);
  const plots = (Object.keys(measures) as MeasureName[]).flatMap((name) => {
    const values = rows.flatMap((row) => row.measures[name] ?? []);
    return values.length === 0 ? [] : [histogram(measures[name], values)];
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
${plots.length > 0 ? `<h2>Distributions</h2>\n<div class="plots">${plots.join('\n')}</div>` : ''}
${ranked.length > 0 ? `<h2>Ranking</h2>\n<p>By TOPSIS over ${inHtml(inWords(report.weights ?? {}))}.</p>\n${rankingTable(ranked)}` : ''}
${ranked.length === 0 && done.length > 0 ? `<h2>Files</h2>\n${filesTable(done)}` : ''}
<h2>Excluded and failed</h2>
${left.length > 0 ? reasonsTable(left) : '<p>None.</p>'}
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5a6577; --line: #d7dde6; --bar: #2f6fde; --paper: #fff; --warn: #8a4b00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf3; --soft: #a3afc2; --line: #364052; --bar: #6c9dfa; --paper: #141922; --warn: #ffb454 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } .facts { color: var(--soft) } .warning { color: var(--warn); font-weight: 600 }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1rem }
figure { margin: 0; border: 1px solid var(--line); border-radius: 6px; padding: .75rem } figcaption { font-weight: 600 }
svg { width: 100%; height: auto; display: block } svg rect { fill: var(--bar) } svg text { fill: var(--soft); font-size: 11px }
svg line { stroke: var(--line) } figure p { margin: .25rem 0 0; color: var(--soft); font-size: 13px }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
`;

function histogram(title: string, values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other);
  const [least, most] = [sorted[0]!, sorted.at(-1)!];
  const width = (most - least) / bins || 1;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((value - least) / width))]! += 1;
  const top = Math.max(...counts);
  const bars = counts.map((count, at) => {
    const height = (100 * count) / top;
    const from = least + at * width;
    return count === 0
      ? ''
      : `<rect x="${10 + at * 12}" y="${(110 - height).toFixed(1)}" width="10" height="${height.toFixed(1)}"><title>${figure(from)} to ${figure(from + width)}: ${count}</title></rect>`;
  });
  const quantile = (share: number) => figure(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return `<figure><figcaption>${inHtml(title)}</figcaption>
<svg viewBox="0 0 308 128" role="img" aria-label="${inHtml(title)}: median ${quantile(0.5)}, from ${figure(least)} to ${figure(most)}">
<line x1="8" y1="110" x2="300" y2="110"/>${bars.join('')}
<text x="8" y="124">${figure(least)}</text><text x="300" y="124" text-anchor="end">${figure(most)}</text></svg>
<p>${values.length} files · p10 ${quantile(0.1)} · median ${quantile(0.5)} · p90 ${quantile(0.9)}</p></figure>`;
}

function rankingTable(rows: readonly ReportRow[]): string {
  const names = (Object.keys(measures) as MeasureName[]).filter(
    (name) => name !== 'topsis' && rows.some((row) => row.measures[name] !== undefined && row.measures[name] !== null),
  );
  const head = ['Rank', 'File', 'TOPSIS', ...names.map((name) => measures[name])];
  const body = rows.slice(0, rowsMax).map((row) => {
    const figures = [row.topsis, ...names.map((name) => row.measures[name])];
    return `<tr>${number(row.rank)}<td>${inHtml(row.file)}</td>${figures.map(number).join('')}</tr>`;
  });
  return table(head, body, rows.length);
}

function filesTable(rows: readonly ReportRow[]): string {
  const body = rows
    .slice(0, rowsMax)
    .map(
      (row) =>
        `<tr><td>${inHtml(row.file)}</td><td>${inHtml(row.output ?? '')}</td>${number(row.seconds)}${number(row.took_seconds)}</tr>`,
    );
  return table(['File', 'Made of it', 'Seconds', 'Took (s)'], body, rows.length);
}

function reasonsTable(rows: readonly ReportRow[]): string {
  const body = rows
    .slice(0, rowsMax)
    .map(
      ({ file, status, code, reason }) =>
        `<tr><td>${inHtml(file)}</td><td>${inHtml(status === 'success' ? 'not ranked' : status)}</td><td>${inHtml(code ?? '')}</td><td>${inHtml(reason ?? '')}</td></tr>`,
    );
  return table(['File', 'What', 'Code', 'Why'], body, rows.length);
}

function table(head: readonly string[], body: readonly string[], of: number): string {
  const more = of > body.length ? `<p>The first ${body.length} of ${of}; report.csv has all.</p>` : '';
  return `<table><thead><tr>${head.map((each) => `<th scope="col">${inHtml(each)}</th>`).join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table>${more}`;
}

function number(value: number | null | undefined): string {
  return `<td class="number">${value === null || value === undefined ? '–' : figure(value)}</td>`;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}

function inWords(weights: Readonly<Record<string, number>>): string {
  return Object.entries(weights)
    .map(([name, weight]) => (weight === 1 ? name : `${name} × ${weight}`))
    .join(', ');
}

function inHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
