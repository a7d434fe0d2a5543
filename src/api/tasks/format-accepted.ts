import type { Request } from 'express';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { TaskKind } from '../../task-kinds.ts';

/**
 * The parameter `format` by the header Accept, for tasks that can answer in several ways and a
 * request that names none.
 */
export function formatAccepted(kind: TaskKind, request: Request, given: Record<string, unknown>): { format?: string } {
  if (given.format !== undefined) return {};
  const offered: Readonly<Record<string, string>> | undefined =
    kind === 'separate' && given.stem !== undefined ? oneStem : formats[kind];
  if (!offered) return {};
  const type = request.accepts(Object.keys(offered));
  if (type === false)
    throw new ServiceError(
      'not_acceptable',
      say`Cannot answer in a way that the header Accept allows: ${ours(Object.keys(offered).join(', '))} can be had; name one of them.`,
    );
  return { format: offered[type] ?? '' };
}

/** The first is for those who take everything. */
const formats: Partial<Record<TaskKind, Readonly<Record<string, string>>>> = {
  separate: { 'application/zip': 'zip', 'application/json': 'json' },
  microstructure: { 'image/png': 'png', 'application/octet-stream': 'npy', 'application/json': 'json' },
};

const oneStem = { 'audio/wav': 'wav', 'application/zip': 'zip', 'application/json': 'json' };
