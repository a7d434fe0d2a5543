/**
 * What a read of a file or folder gives, or undefined where there is none. `also`: further codes
 * that mean the same to this reader.
 */
export async function ifThere<Content>(
  content: Promise<Content>,
  also: readonly string[] = [],
): Promise<Content | undefined> {
  try {
    return await content;
  } catch (error) {
    return absent(error, also);
  }
}

/** The same for a read that is done at once. */
export function ifThereNow<Content>(read: () => Content, also: readonly string[] = []): Content | undefined {
  try {
    return read();
  } catch (error) {
    return absent(error, also);
  }
}

function absent(error: unknown, also: readonly string[]): undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || also.includes(code)) return undefined;
  throw error;
}
