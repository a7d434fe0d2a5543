/** What follows `--name` on the command line. */
export function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? '');
}

export function numberOption(name: string, fallback: number): number {
  return Number(option(name, String(fallback)));
}

/** Names with commas between. */
export function listOption(name: string): string[] {
  return option(name, '').split(',').filter(Boolean);
}
