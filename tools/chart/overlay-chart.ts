import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { runCommand } from '../../launcher/run-command.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { type Built, writeChart } from './write-chart.ts';

const root = join(import.meta.dirname, '../..');

/** A chart of what kustomize makes of an overlay. */
export async function writeOverlayChart(overlay: string, folder: string): Promise<Built[]> {
  const kustomize = join(await ensureServer('kustomize'), 'kustomize');
  const place = join(root, 'deploy/kubernetes/overlays', overlay);
  const text = await runCommand(kustomize, ['build', '--load-restrictor', 'LoadRestrictionsNone', place]);
  const resources = parseAllDocuments(text).map((document) => document.toJS() as Built);
  await writeChart(resources, folder);
  return resources;
}
