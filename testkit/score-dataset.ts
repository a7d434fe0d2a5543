import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from './stack.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { toneWav } from './tone-wav.ts';

/**
 * A folder of sounds against clean ones, by the command; one of the files is no sound and is left
 * out.
 */
export async function scoreDataset({ env }: Pick<Stack, 'env'>): Promise<void> {
  await using folder = await temporaryFolder();
  for (const kind of ['sounds', 'clean']) {
    await mkdir(join(folder.path, kind));
    for (const hertz of [220, 330, 440]) {
      const noise = kind === 'sounds' ? 0.05 : 0;
      const sound = toneWav({ seconds: 1, sampleRateHz: 16_000, hertz, noise });
      await writeFile(join(folder.path, kind, `${hertz}.wav`), sound);
    }
  }
  await writeFile(join(folder.path, 'sounds', 'broken.wav'), 'not a sound');
  const command = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../cli/command-line.ts'),
      ...[
        'dataset',
        'score',
        join(folder.path, 'sounds'),
        '--name',
        'evening',
        '--references',
        join(folder.path, 'clean'),
      ],
      ...['--out', join(folder.path, 'out'), '--workers', '1'],
    ],
    { env, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  command.stderr.on('data', (text) => (said += text));
  const [code] = await once(command, 'exit');
  if (code !== 0) throw new Error(`vitrine dataset score ended with ${code}: ${said.slice(-500)}`);
}
