import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

export function missingMessage(): ServiceError {
  return new ServiceError('invalid_body', say`Cannot take the call: it has no message; send one.`);
}

export function secondMessage(): ServiceError {
  return new ServiceError('invalid_body', say`Cannot take the call: it has a second message; send one for each call.`);
}
