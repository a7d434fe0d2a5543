import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { banned, columnsMax, wordsMax } from './words/banned.ts';
import { sentences, textsOfMarkdown, wordCount } from './words/sentences.ts';
import { type Text, textsOfCode } from './words/texts-of-code.ts';

// `npm run check` runs this: plain words in docs, comments, and the texts that a reader sees.
// CONTRIBUTING.md has the rules.
// Usage: node tools/check-words.ts [path …]

const root = join(import.meta.dirname, '..');

/** Not read: history, generated files (their sources are read), and the lists of words. */
const skipped =
  /^(CHANGELOG\.md|bench\/LOG\.md|docs\/(settings|errors|telemetry|licences-of-packages)\.md|tools\/words\/banned\.ts|docs\/glossary\.md)/;

/** Folders whose strings a reader sees: the page, panels, alerts, and descriptions of metrics. */
const readAloud = /^(web|observability|src\/telemetry\/names|src\/settings)\//;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const paths = process.argv.slice(2);
  const problems = checkWords(paths.length > 0 ? paths : ['.']);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(`${problems.length} texts are not plain; docs/glossary.md has the words.`);
    process.exitCode = 1;
  }
}

export function checkWords(paths: readonly string[]): string[] {
  const listed = execFileSync('git', ['ls-files', '--', ...paths], { cwd: root, encoding: 'utf8' });
  return listed
    .split('\n')
    .filter((file) => file !== '' && !skipped.test(file))
    .flatMap((file) => {
      if (file.endsWith('.md')) return checkMarkdown(file, read(file));
      return /\.(ts|mjs)$/.test(file) ? checkCode(file, read(file)) : [];
    });
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function checkMarkdown(file: string, source: string): string[] {
  return textsOfMarkdown(source).flatMap(({ line, text }) => [
    ...bannedIn(text).map((problem) => `${file}:${line}: ${problem}`),
    ...tooLong(text).map((problem) => `${file}:${line}: ${problem}`),
  ]);
}

function checkCode(file: string, source: string): string[] {
  const found: string[] = [];
  for (const { kind, line, text } of joined(textsOfCode(source))) {
    if (kind === 'string' && !(readAloud.test(file) && /\p{L} \p{L}/u.test(text))) continue;
    // Labels of metrics are names, not words.
    const words = text
      .replace(/^\s*(\/\*\*?|\*\/|\*|\/\/)|\*\/$/gm, ' ')
      .replace(/`[^`]*`/g, 'code')
      .replace(/\{\{[^}]*\}\}/g, 'label');
    found.push(...bannedIn(words).map((problem) => `${file}:${line}: ${problem}`));
    if (kind === 'string') continue;
    found.push(...tooLong(words).map((problem) => `${file}:${line}: ${problem}`));
    for (const [index, one] of text.split('\n').entries()) {
      if (one.trim().length > columnsMax && !/https?:|\bUsage\b|pip install/.test(one))
        found.push(`${file}:${line + index}: a comment of ${one.trim().length} columns; ${columnsMax} are enough`);
    }
  }
  return found;
}

/** Line comments below each other are one text. */
function joined(texts: readonly Text[]): Text[] {
  const found: Text[] = [];
  for (const text of texts) {
    const last = found.at(-1);
    if (last && isBelow(text, last)) found[found.length - 1] = { ...last, text: `${last.text}\n${text.text}` };
    else found.push(text);
  }
  return found;
}

function isBelow(text: Text, last: Text): boolean {
  const bothLines = last.text.startsWith('//') && text.text.startsWith('//');
  return bothLines && text.line === last.line + last.text.split('\n').length;
}

function bannedIn(text: string): string[] {
  return banned.flatMap(({ pattern, instead }) => {
    const word = pattern.exec(text)?.[0];
    return word === undefined ? [] : [`«${word}» in «${excerpt(text, word)}»; write: ${instead}`];
  });
}

function tooLong(text: string): string[] {
  return sentences(text)
    .filter((sentence) => wordCount(sentence) > wordsMax)
    .map((sentence) => `a sentence of ${wordCount(sentence)} words: «${sentence.slice(0, 60)}…»`);
}

function excerpt(text: string, word: string): string {
  const at = text.indexOf(word);
  return text
    .slice(Math.max(0, at - 25), at + word.length + 25)
    .replace(/\s+/g, ' ')
    .trim();
}
