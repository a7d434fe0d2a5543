const say = (line: string) => void process.stdout.write(`${line}\n`);

/** A drill: causes a real fault on a stack of its own, and prints which alerts come and go. */
export async function fault({
  name,
  list = false,
  hold = false,
}: {
  name?: string | undefined;
  list?: boolean;
  hold?: boolean;
}): Promise<number> {
  // Beside the tests, which cause the same faults; images do not have them.
  const { drill, listFaults } = await import('../../testkit/faults/drill.ts');
  if (list || name === undefined) {
    listFaults(say);
    return 0;
  }
  return (await drill(name, say, hold)) ? 0 : 1;
}
