import type { SequenceCall } from '../../engine/inference.ts';
import { kindOf } from '../../http/json/json-fields.ts';
import { malformed, quoted } from '../../http/json/malformed.ts';

const idCharactersMax = 128;

/**
 * sequence_id, sequence_start and sequence_end, as Triton's clients send them; undefined for a
 * request of no sequence. The id is a number or a text: 0 and '' are none.
 */
export function readSequence(parameters: Readonly<Record<string, unknown>>): SequenceCall | undefined {
  const id = readId(parameters.sequence_id);
  const start = readFlag(parameters, 'sequence_start');
  const end = readFlag(parameters, 'sequence_end');
  if (id !== undefined) return { id, start, end };
  if (start || end)
    throw malformed(
      'parameters.sequence_id',
      'is missing, and sequence_start or sequence_end is set; name the sequence',
    );
  return undefined;
}

function readId(value: unknown): string | undefined {
  if (value === undefined || value === 0 || value === '') return undefined;
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value) && value > 0) return String(value);
    throw malformed(
      'parameters.sequence_id',
      `is ${quoted(value)}; a whole number of at least 0 and at most 2^53 - 1 is wanted, or a text`,
    );
  }
  if (typeof value !== 'string')
    throw malformed('parameters.sequence_id', `is ${kindOf(value)}; a number or a text is wanted`);
  if (value.length > idCharactersMax)
    throw malformed('parameters.sequence_id', `has ${value.length} characters; at most ${idCharactersMax} are taken`);
  return value;
}

function readFlag(parameters: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = parameters[name];
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw malformed(`parameters.${name}`, `is ${kindOf(value)}; true or false is wanted`);
}
