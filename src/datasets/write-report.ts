import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { datasetPage } from './dataset-page.ts';
import type { DatasetReport } from './dataset-report.ts';
import { type MeasureName, measures } from './measures.ts';

/** Writes report.json, report.csv and report.html; each is whole or as it was. */
export async function writeReport(folder: string, report: DatasetReport): Promise<void> {
  const texts = {
    'report.json': `${JSON.stringify(report, null, 1)}\n`,
    'report.csv': csvOf(report),
    'report.html': datasetPage(report),
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(join(folder, `${name}.part`), text);
    await rename(join(folder, `${name}.part`), join(folder, name));
  }
}

function csvOf(report: DatasetReport): string {
  const names = (Object.keys(measures) as MeasureName[]).filter((name) => name !== 'topsis');
  const head = ['rank', 'file', 'status', 'topsis', ...names, 'seconds', 'took_seconds', 'output', 'code', 'reason'];
  const lines = report.rows.map((row) =>
    [
      row.rank,
      row.file,
      row.status,
      row.topsis,
      ...names.map((name) => row.measures[name]),
      row.seconds,
      row.took_seconds,
      row.output,
      row.code,
      row.reason,
    ].map(cell),
  );
  return [head, ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}

/**
 * RFC 4180. A text that a spreadsheet would take for a formula is marked as text: file names come
 * from anywhere.
 */
function cell(value: string | number | null | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
