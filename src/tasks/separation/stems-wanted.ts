import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';

/** The stems to make, each once: those asked for, or all that the model makes. */
export function stemsWanted(
  { stem, stems }: { readonly stem?: string | undefined; readonly stems?: readonly string[] | undefined },
  there: readonly string[],
): readonly string[] {
  const wanted = stem !== undefined ? [stem] : (stems ?? there);
  const unknown = wanted.find((name) => !there.includes(name));
  if (unknown !== undefined)
    throw new ServiceError(
      'stem_not_found',
      say`Cannot make the stem ${JSON.stringify(unknown.slice(0, 64))}: the model has ${ours(there.join(', '))}; name one of them.`,
    );
  return [...new Set(wanted)];
}
