// Every failure a caller can meet. The code is the same word in the answer's body, in `error.type`, in the metric label and in the log.

export const failures = {
  not_found: { status: 404, retryable: false, means: 'No route has this path.' },
  method_not_allowed: { status: 405, retryable: false, means: 'The route exists, but not for this verb.' },
  not_ready: { status: 503, retryable: true, means: 'The service is starting or stopping and takes no work.' },
  internal: { status: 500, retryable: false, means: 'A defect in Vitrine; the log has the cause.' },
  invalid_setting: {
    status: 500,
    retryable: false,
    means: 'A setting has a value that cannot be used; the start ends.',
  },
} as const satisfies Record<string, { status: number; retryable: boolean; means: string }>;

export type FailureCode = keyof typeof failures;

/**
 * A failure that was foreseen. Anything else that is thrown is a defect and is answered as `internal`.
 * The message reads "Cannot <do what>: <current state>; <remedy, naming the setting>".
 */
export class ServiceError extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServiceError';
    this.code = code;
  }

  get status(): number {
    return failures[this.code].status;
  }

  get retryable(): boolean {
    return failures[this.code].retryable;
  }
}
