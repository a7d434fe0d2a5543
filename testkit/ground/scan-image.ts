import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What no text has by chance; of a private key its first line of data, too. */
const secrets: readonly (readonly [string, RegExp])[] = [
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\r?\n|\\n)[A-Za-z0-9+/]{40}/],
  ['a key of AWS', /\bAKIA[0-9A-Z]{16}\b/],
  ['a token of GitHub', /\bgh[pousr]_[A-Za-z0-9]{36}\b/],
  ['a token of npm', /\bnpm_[A-Za-z0-9]{36}\b|:_authToken=\S+/],
  ['a token of Slack', /\bxox[abprs]-[0-9A-Za-z-]{20}/],
  // Hosts of RFC 2606 are in documentation.
  ['a password in an address', /\b[a-z]+:\/\/[\w.-]+:[^\s/@${}<>'"`*:]{6,}@(?!(www\.)?example\.)[\w-]+\.[a-z]{2,}/],
];

const secretFile = /(\.pem|\.key|\.p12|\.npmrc|\.netrc|\.env|\.pypirc)$|^(\.git|\.ssh|\.aws|\.docker)$|^id_[a-z0-9]+$/;
const program =
  /^(sh|bash|dash|ash|busybox|npm|npx|apt|apt-get|dpkg|gcc|cc|ld|as|make|python3?|perl|esbuild|tsc|su|sudo|mount)$/;
const otherSystem = /\.(dll|dylib|exe)$|^(darwin|win32)$/;

/**
 * What a root file system must not have: set-user-id files, secrets, shells and compilers, libraries
 * of other systems. One line each: the path and what is wrong.
 */
export async function scanImage(folder: string, inside = '/'): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, inside), { withFileTypes: true })) {
    const path = join(inside, entry.name);
    if (entry.isDirectory()) {
      if (secretFile.test(entry.name)) found.push(`${path}: a place of secrets`);
      if (otherSystem.test(entry.name)) found.push(`${path}: of another system`);
      found.push(...(await scanImage(folder, path)));
    } else if (entry.isFile()) found.push(...(await scanFile(join(folder, path), path, entry.name)));
    else if (program.test(entry.name)) found.push(`${path}: a program that the service does not need`);
  }
  return found;
}

async function scanFile(file: string, path: string, name: string): Promise<string[]> {
  const found: string[] = [];
  const { mode } = await stat(file);
  if ((mode & 0o6000) !== 0) found.push(`${path}: changes its user or group`);
  if (program.test(name) && (mode & 0o111) !== 0) found.push(`${path}: a program that the service does not need`);
  if (secretFile.test(name)) found.push(`${path}: a place of secrets`);
  if (otherSystem.test(name)) found.push(`${path}: of another system`);
  const text = await readFile(file, 'latin1');
  for (const [what, pattern] of secrets) if (pattern.test(text)) found.push(`${path}: ${what}`);
  return found;
}
