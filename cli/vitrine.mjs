#!/usr/bin/env node
// The first file that runs on a fresh clone: plain JavaScript for Node 20, with nothing but Node's
// own modules. It installs the packages when they are missing or older than package-lock.json,
// finds Node 24 among them, and hands over to command-line.ts.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const home = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
// npm has installed a package and what it needs; its programs are scripts in dist.
const isPackage = basename(dirname(home)) === 'node_modules';
const root = isPackage ? join(home, 'dist') : home;

try {
  checkNode();
  if (!isPackage) {
    await installPackages();
    useHooks();
  }
  process.exitCode = await handOver(findNode(), process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error.expected ? error.message : error.stack}\n`);
  process.exitCode = 1;
}

function checkNode() {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20)
    throw failure(
      `Cannot start: Node is ${process.versions.node}, and 20 or newer is needed; install it from https://nodejs.org.`,
    );
}

async function installPackages() {
  if (packagesAreInstalled()) return;
  const lock = join(root, '.vitrine', 'installing');
  mkdirSync(dirname(lock), { recursive: true });
  for (let told = false; !claim(lock); told = true) {
    if (!told) say('Another start installs the packages; waiting for it.');
    await pause(500);
  }
  try {
    if (packagesAreInstalled()) return;
    say('Installing the packages (npm ci) …');
    const startedAt = Date.now();
    const { code, output } = await runNpm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    if (code !== 0) throw failure(explainNpm(output));
    say(`The packages are installed, after ${Math.round((Date.now() - startedAt) / 1000)} s.`);
  } finally {
    rmSync(lock, { force: true });
  }
}

// npm keeps a record of what it installed inside node_modules; optional packages are for other
// platforms.
function packagesAreInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const there = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || there[path]?.version === version || (optional && !there[path]),
  );
}

function claim(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!ownerRuns(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function ownerRuns(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    return pid === 0 || process.kill(pid, 0); // Empty for the instant in which it is being written.
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return false;
    if (error.code === 'EPERM') return true;
    throw error;
  }
}

function runNpm(parameters) {
  // Started by npm, that same npm is used; otherwise the one on PATH.
  const script = process.env.npm_execpath;
  const own = script !== undefined && basename(script) === 'npm-cli.js';
  const [program, before] = own ? [process.execPath, [script]] : ['npm', []];
  return new Promise((done, failed) => {
    const child = spawn(program, [...before, ...parameters], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (output += text));
    child.once('error', (error) =>
      failed(
        error.code === 'ENOENT'
          ? failure(
              'Cannot install the packages: there is no npm on PATH; install Node with npm from https://nodejs.org.',
            )
          : error,
      ),
    );
    child.once('close', (code) => done({ code, output }));
  });
}

function explainNpm(output) {
  if (/ENOSPC|no space left/i.test(output))
    return `Cannot install the packages: the disk with ${root} is full; free 1 GB and start again.`;
  if (/ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|network/i.test(output)) {
    return 'Cannot install the packages: the npm registry cannot be reached; connect to a network, or name a registry with `npm config set registry`, and start again.';
  }
  // npm says what is wrong first, and ends with a page of its options.
  const said = output.split('\n').filter((line) => /^npm error \S/.test(line));
  return `Cannot install the packages: npm ci failed; read what it says:\n${said.slice(0, 15).join('\n')}`;
}

/**
 * Node comes as a package of this platform, in one version for Linux and the image.
 * npm has no 24.x that new for macOS, so macOS has the newest that is there.
 * Without a package, the Node that runs now must be 24 or newer.
 */
function findNode() {
  const platform = `${process.platform}-${process.arch}`;
  for (const name of [`node-${platform}`, `node-bin-${platform}`]) {
    const program = programOf(name);
    if (program !== undefined) return program;
  }
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major >= 24) return process.execPath;
  throw failure(
    `Cannot start: Node is ${process.versions.node}, 24 or newer is needed, and no package brings one for ${platform}; install Node 24 from https://nodejs.org.`,
  );
}

// Beside a package, or inside it: npm chooses.
function programOf(name) {
  try {
    const program = join(
      dirname(createRequire(join(home, 'package.json')).resolve(`${name}/package.json`)),
      'bin',
      'node',
    );
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined; // It is for another platform, or was left out.
  }
}

// `vitrine node <file>` runs a program of this repository on the same Node; everything else is a
// command.
function handOver(node, parameters) {
  const commandLine = `cli/command-line.${isPackage ? 'js' : 'ts'}`;
  const [program, ...rest] = parameters[0] === 'node' ? parameters.slice(1) : [commandLine, ...parameters];
  const env = {
    // Node keeps compiled code there: a later start takes about half the processor time.
    NODE_COMPILE_CACHE: join(isPackage ? dirname(home) : join(root, 'node_modules'), '.cache', 'vitrine'),
    ...process.env,
    ...(isPackage ? placesHere() : {}),
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
  };
  // The channel closes when this process ends in any way: the launcher then stops the stack, too.
  const child = spawn(node, [join(root, program), ...rest], {
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  stopWithNpm(child);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code, signal) =>
      done(signal === null ? code : 128 + (signal === 'SIGINT' ? 2 : signal === 'SIGTERM' ? 15 : 9)),
    );
  });
}

// A package is no place for data: what a checkout finds in its own folder is where the user stands.
function placesHere() {
  const { VITRINE_DATA = '.vitrine', VITRINE_MODELS = existsSync('models') ? 'models' : join(root, 'models') } =
    process.env;
  const files = Object.entries(process.env).filter(([name, value]) => /^VITRINE_\w+_FILE$/.test(name) && value);
  const places = [['VITRINE_DATA', VITRINE_DATA], ['VITRINE_MODELS', VITRINE_MODELS], ...files];
  return Object.fromEntries(places.map(([name, value]) => [name, resolve(value)]));
}

// npm sends a signal to the shell between us, and the shell does not pass it on. So a shell that is
// gone means that npm was stopped.
function stopWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill('SIGTERM');
  }, 500);
  watch.unref();
}

// A checkout gets its hooks, unless it has others.
function useHooks() {
  if (process.env.CI || !existsSync(join(root, '.git'))) return;
  const git = (...parameters) => spawnSync('git', parameters, { cwd: root, encoding: 'utf8' });
  const { status, error } = git('config', 'core.hooksPath');
  if (error === undefined && status === 1) git('config', 'core.hooksPath', '.githooks');
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function failure(message) {
  return Object.assign(new Error(message), { expected: true });
}
