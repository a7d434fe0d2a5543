import { existsSync, statSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { settings } from '../../src/config.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { cacheFolder } from '../cache-folder.ts';
import { takeLock } from '../process-lock.ts';
import { runCommand } from '../run-command.ts';
import { ensureServer, serverFolder } from '../servers/ensure-server.ts';
import { servers } from '../servers.ts';
import { StackFailure } from '../stack-failure.ts';
import { buildBaseImage } from './base-image.ts';
import { DockerEngine } from './docker-engine.ts';
import { buildFromFile, type FileBuild } from './file-build.ts';
import { groundNeeds } from './ground-needs.ts';
import { type WrittenImage, writeImage } from './image-archive.ts';
import { contentOf, keyOf, letThrough, stemOf } from './image-content.ts';
import { pullImage, registryAnswers } from './registry.ts';
import { sourceOf } from './source-date.ts';
import { layOut, type StandIn, type StandInName, standIns, standInsFor } from './stand-in-images.ts';

export type Images = {
  /** `registry`: the official images; `here`: made on this machine. */
  readonly from: 'registry' | 'here';
  readonly images: readonly WrittenImage[];
};

export type ImagesOptions = {
  readonly onStep?: (text: string) => void;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  readonly root?: string;
  /** The stores whose images are wanted; without it, VITRINE_BACKENDS names them. */
  readonly backends?: string | undefined;
  /** What an engine has built before is not built by it again; without it, each call has its own. */
  readonly engine?: DockerEngine | undefined;
  /**
   * Builds what a Dockerfile describes from nothing, and into this folder: the cache stays as it is,
   * since others may be using it. For comparing two builds.
   */
  readonly again?: string | undefined;
};

type Context = Required<Omit<ImagesOptions, 'signal' | 'engine' | 'backends' | 'again'>> & {
  readonly backends: string;
  readonly again: string | undefined;
  readonly engine: DockerEngine | undefined;
  readonly signal: AbortSignal | undefined;
  readonly folder: string;
  readonly from: Images['from'];
};

/** Older images of the service go when a new one is built: each is 240 MB. */
const serviceImagesMax = 6;
const checkout = resolve(import.meta.dirname, '../..');
const nodeImage = 'node:24.21.0-bookworm-slim';
const officialOnly = ['grafana/grafana:12.4.11'];

/**
 * All images of compose.yaml as archives in the cache, built or fetched first where they are
 * missing. An archive's folder carries the hash of what decides its content.
 */
export async function ensureImages(options: ImagesOptions = {}): Promise<Images> {
  const context = await contextOf(options);
  const { from } = context;
  const there = context.again === undefined ? await findAll(context) : undefined;
  if (there !== undefined) return { from, images: there };
  return locked(context, async () => ({ from, images: await makeAll(context) }));
}

/** One of the images that stand in for official ones, made where it is missing. */
export async function ensureStandIn(name: StandInName, options: ImagesOptions = {}): Promise<WrittenImage> {
  const context = await contextOf(options);
  const key = await standInKey(context, standIns[name]);
  if (existsSync(join(context.folder, key, 'image.json'))) return readImage(join(context.folder, key));
  return locked(context, () => ensureImage(context, key, (file) => makeStandIn(context, standIns[name], file)));
}

/** Whether `ensureImages` would find all of them. */
export async function imagesAreThere(options: ImagesOptions = {}): Promise<boolean> {
  return (await findAll(await contextOf(options))) !== undefined;
}

async function contextOf(options: ImagesOptions): Promise<Context> {
  const { onStep = () => undefined, signal, env = process.env, root = checkout, again, engine } = options;
  const backends = options.backends ?? (env[settings.backends.env] || settings.backends.default);
  const folder = join(cacheFolder(env), 'images');
  try {
    await makeFolder(folder);
  } catch (error) {
    throw new StackFailure(
      `Cannot store images in ${folder}: ${(error as Error).message}; name a folder that can be written in VITRINE_CACHE.`,
      { cause: error },
    );
  }
  const from = (await registryAnswers(env)) ? 'registry' : 'here';
  return { onStep, signal, env, root, folder, from, backends, engine, again };
}

/** Without the lock: a folder that is there is whole. */
async function findAll(context: Context): Promise<WrittenImage[] | undefined> {
  const builds = [await serviceBuild(context), await collectorBuild(context)];
  const keys = [...builds.map(({ key }) => key)];
  for (const standIn of standInsFor(context.backends)) keys.push(await officialKey(context, standIn));
  if (context.from === 'registry') for (const name of officialOnly) keys.push(pulledKey(name));
  const places = keys.map((key) => join(context.folder, key));
  if (!places.every((place) => existsSync(join(place, 'image.json')))) return undefined;
  return Promise.all(places.map(readImage));
}

async function locked<T>(context: Context, make: () => Promise<T>): Promise<T> {
  const release = await lockImages(context);
  try {
    return await make();
  } finally {
    await release();
  }
}

async function lockImages({ folder, onStep, signal }: Context): Promise<() => Promise<void>> {
  for (let said = false; ; said = true) {
    const lock = await takeLock(join(folder, 'building.lock'));
    if ('release' in lock) return () => lock.release();
    if (!said) onStep(`Process ${lock.owner.pid} builds the images; waiting for it.`);
    await pause(500, undefined, signal && { signal });
  }
}

async function makeAll(context: Context): Promise<WrittenImage[]> {
  const builds = [await serviceBuild(context), await collectorBuild(context)];
  const place = context.again ?? context.folder;
  const missing = builds.filter(({ key }) => !existsSync(join(place, key, 'image.json')));
  const needs = missing.length > 0 ? await groundNeeds(context.folder) : [];
  if (needs.length > 0) throw new StackFailure(needs.join('\n'));
  const official = await officialImages(context);
  if (missing.length > 0) await buildAll(context, missing, official);
  const own = await Promise.all(builds.map(({ key }) => readImage(join(place, key))));
  return [...own, ...official];
}

async function officialImages(context: Context): Promise<WrittenImage[]> {
  const images: WrittenImage[] = [];
  for (const standIn of standInsFor(context.backends)) {
    const make = isPulled(context, standIn.name)
      ? (file: string) => pullImage(standIn.name, file, context)
      : (file: string) => makeStandIn(context, standIn, file);
    images.push(await ensureImage(context, await officialKey(context, standIn), make));
  }
  if (context.from === 'registry')
    for (const name of officialOnly)
      images.push(await ensureImage(context, pulledKey(name), (file) => pullImage(name, file, context)));
  return images;
}

function isPulled({ from }: Context, name: string): boolean {
  return from === 'registry' && name !== standIns.pause.name;
}

function officialKey(context: Context, standIn: StandIn): string | Promise<string> {
  return isPulled(context, standIn.name) ? pulledKey(standIn.name) : standInKey(context, standIn);
}

function pulledKey(name: string): string {
  return keyOf(name, 'pulled', process.arch);
}

async function standInKey({ env, root }: Context, standIn: StandIn): Promise<string> {
  const folders = await Promise.all(standIn.binaries.map(({ server }) => serverFolder(servers[server], { env, root })));
  return keyOf(standIn.name, JSON.stringify(standIn), folders.map((folder) => folder.split('/').at(-1)).join());
}

async function makeStandIn(context: Context, standIn: StandIn, file: string): Promise<WrittenImage> {
  const { env, root, onStep, signal } = context;
  onStep(`Making ${standIn.name} of what is here …`);
  const folder = `${file}.root`;
  await rm(folder, { recursive: true, force: true });
  try {
    const busybox = (await runCommand('sh', ['-c', 'command -v busybox'])).trim();
    const folderOf = (server: keyof typeof servers) => ensureServer(server, { env, root, ...(signal && { signal }) });
    await layOut(standIn, folder, { busybox, folderOf });
    const layers = [{ folder, seconds: 0 }];
    return await writeImage({ name: standIn.name, layers, config: standIn.config, createdSeconds: 0 }, file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The base of the service's image: Node's official one, or ours under its name. */
function baseImage(context: Context): Promise<WrittenImage> {
  const pulled = context.from === 'registry';
  const key = pulled
    ? pulledKey(nodeImage)
    : keyOf(nodeImage, 'debootstrap bookworm, tini', process.version, process.arch);
  return ensureImage(context, key, (file) => {
    context.onStep(`Making ${nodeImage} …`);
    return pulled ? pullImage(nodeImage, file, context) : buildBaseImage(nodeImage, file, context);
  });
}

type KeyedBuild = FileBuild & { readonly key: string };

async function serviceBuild({ root, env, from }: Pick<Context, 'root' | 'env' | 'from'>): Promise<KeyedBuild> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const copied = await letThrough(root);
  const source = await sourceOf(root, ['Dockerfile', '.dockerignore', ...copied], env);
  const base = await sourceOf(root, ['Dockerfile', 'package-lock.json', 'tools/images'], env);
  const program = ['src', 'models', 'web', 'grafana', 'docs', 'compose', 'package.json', 'LICENSE'];
  const build = {
    name: `vitrine:${version}`,
    file: 'Dockerfile',
    target: 'service',
    version,
    source,
    baseSeconds: base.seconds,
    // In a layer of its own: the rest stays the same from release to release, and is not pulled again.
    program: [...program.map((name) => `app/${name}`), 'sbom.spdx.json'],
  };
  return { ...build, key: keyOf(build.name, JSON.stringify(build), await contentOf(root, 'Dockerfile', copied), from) };
}

async function collectorBuild(context: Context): Promise<KeyedBuild> {
  const { root, env, from } = context;
  const file = 'compose/collector.Dockerfile';
  const copied = ['compose/start-collector.sh', 'compose/start-containers.sh'];
  const source = await sourceOf(root, [file, ...copied], env);
  const version = servers.collector.version;
  const build = { name: `vitrine-collector:${version}`, file, version, source, baseSeconds: 0, program: ['tools'] };
  const bases = [await standInKey(context, standIns.collector), await standInKey(context, standIns.busybox)];
  return {
    ...build,
    key: keyOf(build.name, JSON.stringify(build), ...bases, await contentOf(root, file, copied), from),
  };
}

async function buildAll(context: Context, builds: readonly KeyedBuild[], official: readonly WrittenImage[]) {
  const { folder, onStep, signal, root, again } = context;
  const into = { folder: again ?? folder };
  const base = await baseImage(context);
  await using own = context.engine === undefined ? await DockerEngine.start({ network: 'shared', signal }) : undefined;
  const engine = context.engine ?? own!;
  for (const { file } of [base, ...official.filter(({ name }) => isBase(name))])
    await engine.docker(['load', '--quiet', '--input', file], { signal });
  for (const build of builds) {
    onStep(`Building ${build.name} …`);
    await ensureImage(into, build.key, (file) =>
      buildFromFile(build, file, { engine, root, signal, onStep, again: again !== undefined }),
    );
  }
  await removeOldest(into.folder, builds[0]!.name);
}

function isBase(name: string): boolean {
  return name === standIns.busybox.name || name === standIns.collector.name;
}

/** Made aside and renamed into place: a folder that is there is whole. */
async function ensureImage(
  { folder }: Pick<Context, 'folder'>,
  key: string,
  make: (file: string) => Promise<WrittenImage>,
): Promise<WrittenImage> {
  const place = join(folder, key);
  if (existsSync(join(place, 'image.json'))) return readImage(place);
  const aside = `${place}.building`;
  await rm(aside, { recursive: true, force: true });
  await makeFolder(aside);
  try {
    const { name, id, bytes } = await make(join(aside, 'image.tar'));
    await writeFile(join(aside, 'image.json'), JSON.stringify({ name, id, bytes }));
    await rm(place, { recursive: true, force: true });
    await rename(aside, place);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return readImage(place);
}

async function readImage(place: string): Promise<WrittenImage> {
  return { ...JSON.parse(await readFile(join(place, 'image.json'), 'utf8')), file: join(place, 'image.tar') };
}

async function removeOldest(folder: string, name: string): Promise<void> {
  const stem = stemOf(name);
  const found = (await readdir(folder))
    .filter((entry) => entry.startsWith(`${stem}-`) && !entry.includes('.building'))
    .map((entry) => ({ entry, ms: statSync(join(folder, entry)).mtimeMs }))
    .sort((a, b) => b.ms - a.ms);
  for (const { entry } of found.slice(serviceImagesMax)) await rm(join(folder, entry), { recursive: true });
}
