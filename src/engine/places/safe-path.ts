const lengthMax = 1024;
const depthMax = 16;

/**
 * A path of somebody else's that stays below where it is joined to, unchanged; undefined of any
 * other. The whole itself is an empty path or a point.
 */
export function safePath(path: string): string | undefined {
  if (path === '' || path === '.') return path;
  const parts = path.split('/');
  const isSafe = (part: string) => part !== '' && part !== '.' && part !== '..' && part.length <= 255;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (path.length > lengthMax || parts.length > depthMax || /[\u0000-\u001f\\]/.test(path)) return undefined;
  return parts.every(isSafe) ? path : undefined;
}
