import { copyFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ensureImages } from '../../launcher/ground/build-images.ts';
import { CommandFailed, runCommand } from '../../launcher/run-command.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { makeFolder } from '../../src/make-folder.ts';

/**
 * Builds the images of compose.yaml, or finds them in the cache; with `load` the Docker engine that
 * `docker` talks to gets them, with `out` a folder does.
 */
export async function images({ load = false, out }: { load?: boolean; out?: string }): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () =>
      stop.abort(new StackFailure('The build of the images was stopped; nothing is left of it.')),
    );
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const { from, images } = await ensureImages({ onStep: say, signal: stop.signal });
  if (from === 'here')
    say('No registry answers: all images are made here, the servers’ of our builds. There is none of Grafana.');
  for (const { name, id, file, bytes } of images) {
    say(`image ${name} ${Math.round(bytes / 1e6)} MB ${id.slice(7, 19)} ${file}`);
    if (out !== undefined) {
      await makeFolder(resolve(out));
      await copyFile(file, join(resolve(out), `${basename(name).replace(':', '-')}.tar`));
    }
    if (load) await loadImage(file, stop.signal);
  }
  return 0;
}

async function loadImage(file: string, signal: AbortSignal): Promise<void> {
  try {
    await runCommand('docker', ['load', '--quiet', '--input', file], { signal });
  } catch (error) {
    if (!(error instanceof CommandFailed) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new StackFailure(
      `Cannot load the images: no Docker engine answers (${(error as Error).message.trim().split('\n').at(-1)}); start one, or name it in DOCKER_HOST.`,
      { cause: error },
    );
  }
}
