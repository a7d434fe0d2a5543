import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';

/**
 * What says nothing about the statement: the connection is gone, the server stops, starts or has no
 * room, a time limit passed, or two transactions met. The same statement may work later.
 */
const passingStates: readonly RegExp[] = [
  /^08/, // Connection exceptions.
  /^53/, // No memory, disk or connections left.
  /^57P/, // Shut down, crashed, starting.
  /^57014$/, // A statement took too long.
  /^55P03$/, // A lock took too long.
  /^40/, // Serialization failure, deadlock.
  /^25P0[34]$/, // A transaction was idle for too long.
  /^25006$/, // Read-only: a standby, after a failover.
  /^58/, // The server's own disk.
];

/** What a person has to correct: user, password, name of the database, rights. */
const settingStates: readonly RegExp[] = [/^28/, /^3D000$/, /^42501$/];

export function isPassing(error: unknown): boolean {
  const state = stateOf(error);
  if (state !== undefined) return passingStates.some((one) => one.test(state));
  return error instanceof Error;
}

export function isOfSettings(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && settingStates.some((one) => one.test(state));
}

/** Whether the connection may still be used: the server answered that the statement failed. */
export function isConnectionGood(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && !/^(08|57P|25P0[34])/.test(state);
}

/** The failure as callers see it. A failure of another kind is a defect and stays what it is. */
export function asDatabaseFailure(error: unknown): unknown {
  if (error instanceof ServiceError || !(isPassing(error) || isOfSettings(error))) return error;
  return new ServiceError(
    'database_unreachable',
    say`Cannot use the database of VITRINE_DATABASE_URL: ${ours(reasonOf(error))}; inference goes on, jobs wait for the database. Start it or correct the setting, and send the request again.`,
    { cause: error, retryAfterMs: 5_000 },
  );
}

/** Why, without addresses or names that the message may have. */
export function reasonOf(error: unknown): string {
  const state = stateOf(error);
  if (state !== undefined) {
    if (isOfSettings(error)) return `it refuses the user, the password or the name of the database (${state})`;
    return `it answers ${state}`;
  }
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? `it cannot be reached (${code})` : 'it does not answer';
}

/** SQLSTATE, where the server itself answered. */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined;
}
