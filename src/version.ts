import { readFileSync } from 'node:fs';

/** Vitrine's version: package.json is the one place that has it. */
export const version = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
