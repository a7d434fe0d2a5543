import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';

/** The place cannot be used at the moment: what it brought before is served. */
export function placeUnreachable(title: string, why: string, cause?: unknown): ServiceError {
  return new ServiceError(
    'models_unreachable',
    say`Cannot get models from ${ours(title)}: ${ours(why)}; what was downloaded before is served. Look at VITRINE_MODELS and what it names.`,
    { cause, retryAfterMs: 10_000 },
  );
}

/** What is there is not taken. */
export function placeRefused(title: string, why: string, remedy: string, cause?: unknown): ServiceError {
  return new ServiceError(
    'models_refused',
    say`Cannot take the models of ${ours(title)}: ${ours(why)}; ${ours(remedy)}.`,
    { cause },
  );
}
