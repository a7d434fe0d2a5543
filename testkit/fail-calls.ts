import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Lets the calls of a file operation on such paths fail as the operating system would, the first so
 * many times.
 */
export function failCalls(
  operation: 'rm' | 'rename' | 'mkdir' | 'open',
  of: { code: string; times: number; path: RegExp },
): Disposable & { readonly failed: number } {
  const original = files[operation] as (...given: unknown[]) => Promise<unknown>;
  let failed = 0;
  const put = (act: unknown) => {
    Object.assign(files, { [operation]: act });
    syncBuiltinESMExports();
  };
  put(async (...given: unknown[]) => {
    if (failed < of.times && of.path.test(String(given[0]))) {
      failed += 1;
      throw Object.assign(new Error(`${of.code}: as told, ${operation} '${given[0]}'`), {
        code: of.code,
        syscall: operation,
        path: given[0],
      });
    }
    return original(...given);
  });
  return {
    get failed() {
      return failed;
    },
    [Symbol.dispose]: () => put(original),
  };
}
