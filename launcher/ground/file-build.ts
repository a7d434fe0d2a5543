import { rm } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { makeFolder } from '../../src/make-folder.ts';
import { CommandFailed, runCommand } from '../run-command.ts';
import { StackFailure } from '../stack-failure.ts';
import type { DockerEngine } from './docker-engine.ts';
import { type ImageConfig, type WrittenImage, writeImage } from './image-archive.ts';
import type { Source } from './source-date.ts';

/** An image that a Dockerfile describes. */
export type FileBuild = {
  readonly name: string;
  readonly file: string;
  /** The stage that is the image; the last one where none is named. */
  readonly target?: string;
  readonly version: string;
  readonly source: Source;
  /** The time of the files that change seldom; the files of `program` have the commit's. */
  readonly baseSeconds: number;
  readonly program: readonly string[];
};

type BuildContext = {
  readonly engine: DockerEngine;
  readonly root: string;
  readonly signal: AbortSignal | undefined;
  readonly onStep: (text: string) => void;
  /** Without what this engine has built before. */
  readonly again: boolean;
};

/** What an engine puts into each container, and no image has. */
const ofContainers = ['.dockerenv', 'dev', 'proc', 'sys', 'etc/hostname', 'etc/hosts', 'etc/mtab', 'etc/resolv.conf'];

/**
 * Builds an image with an engine, then writes it again with settled times and order: an engine
 * without BuildKit cannot, and the same commit has to be the same bytes.
 */
export async function buildFromFile(
  { name, file, target, version, source, baseSeconds, program }: FileBuild,
  archive: string,
  { engine, root, signal, onStep, again }: BuildContext,
): Promise<WrittenImage> {
  const created = new Date(source.seconds * 1000).toISOString();
  const given = { VERSION: version, REVISION: source.revision, CREATED: created, SOURCE_DATE_EPOCH: source.seconds };
  const named = Object.entries(given).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
  const parameters = [
    'build',
    '--network=host',
    ...(again ? ['--no-cache'] : []),
    '--force-rm',
    ...named,
    ...(target === undefined ? [] : ['--target', target]),
    '--tag',
    name,
    '--file',
    file,
    '.',
  ];
  try {
    const onLine = (line: string) =>
      /^Step \d+\/\d+ : (RUN|FROM)/.test(line) && onStep(`${name}: ${line.slice(0, 120)}`);
    await engine.docker(parameters, { folder: root, signal, onLine });
  } catch (error) {
    throw explainBuild(name, error);
  }
  const folder = `${archive}.root`;
  await rm(folder, { recursive: true, force: true });
  await makeFolder(folder);
  try {
    const container = (await engine.docker(['create', name, 'none'])).trim();
    const exported = `${archive}.export`;
    await engine.docker(['export', '--output', exported, container]);
    await engine.docker(['rm', '--volumes', container]);
    const left = ofContainers.flatMap((path) => ['--exclude', path]);
    await runCommand('tar', ['-x', '-p', '--same-owner', '--anchored', ...left, '-f', exported, '-C', folder]);
    await rm(exported);
    const config = JSON.parse(await engine.docker(['image', 'inspect', '--format', '{{json .Config}}', name]));
    return await writeImage(
      {
        name,
        layers: [
          { folder, except: program, seconds: baseSeconds },
          { folder, only: program.map((path) => `./${path}`), seconds: source.seconds },
        ],
        config: configOf(config),
        createdSeconds: source.seconds,
      },
      archive,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The keys in one order, without what only the build's own containers had. */
function configOf(found: ImageConfig & Record<string, unknown>): ImageConfig {
  const { User, Env, Entrypoint, Cmd, WorkingDir, Volumes, ExposedPorts, Labels, Healthcheck, StopSignal } = found;
  const given = { User, Env, Entrypoint, Cmd, WorkingDir, Volumes, ExposedPorts, Labels, Healthcheck, StopSignal };
  const sorted = (value: unknown): unknown =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([key, value]) => [key, sorted(value)]),
  );
}

function explainBuild(name: string, error: unknown): unknown {
  if (!(error instanceof CommandFailed)) return error;
  const lines = stripVTControlCharacters(error.output).trim().split('\n');
  const network = lines.find((line) =>
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|Could not resolve|Temporary failure/.test(line),
  );
  const full = lines.find((line) => /no space left|ENOSPC/i.test(line));
  if (full !== undefined)
    return new StackFailure(
      `Cannot build ${name}: the disk is full; free 8 GB, or choose other folders with VITRINE_CACHE and TMPDIR.`,
      { cause: error },
    );
  if (network !== undefined)
    return new StackFailure(
      `Cannot build ${name}: a registry cannot be reached (${network.trim()}); connect to the npm registry and Debian's mirror, and build again.`,
      { cause: error },
    );
  return new StackFailure(`Cannot build ${name}: a step failed; read its last lines:\n${lines.slice(-15).join('\n')}`, {
    cause: error,
  });
}
