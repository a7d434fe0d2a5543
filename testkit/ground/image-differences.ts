import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailed, runCommand } from '../../launcher/run-command.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const linesMax = 40;

/** What differs in two archives of images, as lines for a person: the config, entries, contents. */
export async function imageDifferences(first: string, second: string): Promise<string[]> {
  await using scratch = await temporaryFolder();
  const places = [join(scratch.path, 'a'), join(scratch.path, 'b')];
  for (const [index, archive] of [first, second].entries()) await unpack(archive, places[index]!);
  const found: string[] = [];
  for (const parameters of [
    [join(places[0]!, 'list'), join(places[1]!, 'list')],
    ['-rq', '--no-dereference', join(places[0]!, 'files'), join(places[1]!, 'files')],
  ])
    found.push(...(await runCommand('diff', parameters).catch(outputOf)).split('\n'));
  return found.filter((line) => line !== '').slice(0, linesMax);
}

/** Its layers one over the other in `files`; modes, owners and times in `list`. */
async function unpack(archive: string, place: string): Promise<void> {
  const files = join(place, 'files');
  await makeFolder(files);
  await runCommand('tar', ['-xf', archive, '-C', place]);
  const [{ Config: config, Layers: layers }] = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as [
    { Config: string; Layers: string[] },
  ];
  for (const layer of layers) await runCommand('tar', ['-x', '-p', '-f', join(place, layer), '-C', files]);
  const paths = layers.map((layer) => `tar --full-time -tvf ${join(place, layer)}`).join('; ');
  await runCommand('sh', ['-c', `(cat ${join(place, config)} | tr ',' '\\n'; ${paths}) > ${join(place, 'list')}`]);
}

function outputOf(error: unknown): string {
  if (error instanceof CommandFailed) return error.output;
  throw error;
}
