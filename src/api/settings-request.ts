import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';

/** A setting in a request that cannot be taken; none of the request is. */
export function malformedSetting(name: string, problem: string): ServiceError {
  return new ServiceError(
    'invalid_body',
    say`Cannot change the settings: ${name.slice(0, 48)} ${problem}; nothing was changed.`,
  );
}
