import { existsSync } from 'node:fs';
import { BuildEstimate } from '../../launcher/build-estimate.ts';
import { type ClusterProgramName, clusterPrograms } from '../../launcher/cluster/programs.ts';
import { serverFolder } from '../../launcher/servers/ensure-server.ts';

/**
 * Why tests of these programs cannot begin: building those that are missing, and the tests, would
 * take longer than VITRINE_GROUND_MINUTES.
 */
export async function unbuiltPrograms(
  names: readonly ClusterProgramName[],
  testMinutes: number,
): Promise<string | undefined> {
  const missing = [];
  for (const name of names)
    if (!existsSync(await serverFolder(clusterPrograms[name]))) missing.push(clusterPrograms[name]);
  if (missing.length === 0) return undefined;
  const minutes = new BuildEstimate(missing).minutesLeft() + testMinutes;
  const left = Number(process.env.VITRINE_GROUND_MINUTES || Infinity);
  if (minutes <= left) return undefined;
  const titles = missing.map(({ title }) => title).join(', ');
  return `${titles} and the tests take about ${minutes} min, and ${left} are left (VITRINE_GROUND_MINUTES)`;
}
