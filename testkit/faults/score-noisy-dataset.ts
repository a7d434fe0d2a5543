import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary-folder.ts';
import { toneWav } from '../tone-wav.ts';
import type { Ground } from './fault.ts';

/**
 * A run of `vitrine dataset score` against clean sounds: one file is like them, the others are
 * mostly noise, so that half of the ranks are far below the best. Its scores count for as long as
 * the rule’s window; nothing has to be ended.
 */
export async function scoreNoisyDataset({ stack }: Ground): Promise<() => Promise<void>> {
  await using folder = await temporaryFolder();
  const [sounds, clean] = [join(folder.path, 'sounds'), join(folder.path, 'clean')];
  await Promise.all([sounds, clean].map((path) => mkdir(path)));
  for (const [at, noise] of [0, 0.5, 0.5, 0.6, 0.6].entries()) {
    const tone = { seconds: 1, sampleRateHz: 16_000, hertz: 220 + 40 * at };
    await writeFile(join(sounds, `${at}.wav`), toneWav({ ...tone, noise }));
    await writeFile(join(clean, `${at}.wav`), toneWav(tone));
  }
  const command = spawn(
    process.execPath,
    [
      ...[join(import.meta.dirname, '../../cli/command-line.ts'), 'dataset', 'score', sounds, '--references', clean],
      ...['--name', 'noisy', '--weights', 'stoi=1,snr=1', '--out', join(folder.path, 'out'), '--workers', '1'],
    ],
    { env: stack.env, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  command.stderr.on('data', (text) => (said += text));
  const [code] = await once(command, 'exit');
  if (code !== 0) throw new Error(`vitrine dataset score ended with ${code}: ${said.slice(-500)}`);
  return async () => undefined;
}
