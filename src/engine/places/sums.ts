/** What `sha256sum` prints, as path → hash; undefined where a line is none of its. */
export function readSums(text: string): ReadonlyMap<string, string> | undefined {
  const sums = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const [, hash, path] = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+)$/i.exec(line) ?? [];
    if (hash === undefined || path === undefined) return undefined;
    sums.set(path, hash.toLowerCase());
  }
  return sums;
}
