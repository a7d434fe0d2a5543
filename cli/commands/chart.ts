import { join, resolve } from 'node:path';
import { writeOverlayChart } from '../../tools/chart/overlay-chart.ts';

/** Writes the Helm chart of overlays/one-node into a folder. */
export async function chart({ out = 'vitrine-chart' }: { out?: string }): Promise<number> {
  const folder = resolve(out);
  await writeOverlayChart('one-node', folder);
  process.stdout.write(`The chart is in ${folder}; its values are in ${join(folder, 'values.yaml')}.\n`);
  return 0;
}
