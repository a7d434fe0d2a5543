import { cut, Sentence } from './sentence.ts';

// Every failure a caller can meet. The code is the same word in the answer's body, in `error.type`,
// in the metric label and in the log.

/**
 * Whose failure it is: the caller's mistake, a caller who left before the answer, or the server's.
 * Alerts and objectives count the server's only.
 */
export const faults = ['caller', 'left', 'server'] as const;
export type Fault = (typeof faults)[number];

export const failures = {
  not_found: { status: 404, grpc: 'UNIMPLEMENTED', retryable: false, means: 'No route has this path.' },
  request_not_found: {
    status: 404,
    retryable: false,
    means: 'No request of this id is remembered, or the caller may not see it.',
  },
  method_not_allowed: { status: 405, retryable: false, means: 'The route exists, but not for this verb.' },
  not_ready: { status: 503, retryable: true, means: 'The service is starting or stopping and takes no work.' },
  unauthorized: {
    status: 401,
    retryable: false,
    means: 'The door wants a bearer token, and the request has none that it knows.',
  },
  invalid_body: {
    status: 400,
    retryable: false,
    means: 'The body is not what the route takes; the message says where.',
  },
  body_incomplete: {
    status: 400,
    retryable: true,
    fault: 'left',
    means: 'The caller left before its body was complete.',
  },
  body_too_large: { status: 413, retryable: false, means: 'The body, or the number of things in it, is over a limit.' },
  body_too_slow: { status: 408, retryable: true, means: 'The body did not arrive in time.' },
  answer_too_slow: {
    status: 499,
    retryable: true,
    means: 'The caller read its answer too slowly (VITRINE_BYTES_PER_SECOND_MIN), so that it was cut off.',
  },
  encoding_not_supported: {
    status: 415,
    retryable: false,
    means: 'The body is compressed in a way that the route does not read.',
  },
  name_taken: {
    status: 409,
    retryable: false,
    means: 'A metric of this name exists with another kind, unit or buckets.',
  },
  too_many_series: { status: 422, retryable: false, means: 'The body would create more series than are held.' },
  busy: { status: 503, retryable: true, means: 'As many requests as are allowed are being worked on.' },
  share_used: {
    status: 429,
    retryable: true,
    means:
      'The client holds more than its share, and the rest is for others (VITRINE_CLIENT_SHARE_PERCENT): requests in flight, bytes, followers or connections.',
  },
  not_kept: {
    status: 503,
    retryable: true,
    means: 'What was sent could neither be passed on nor kept on disk; nothing of it was taken.',
  },
  invalid_request: {
    status: 400,
    retryable: false,
    means: 'The request is not well-formed HTTP, or a header of it is not what the route takes.',
  },
  wrong_protocol: {
    status: 400,
    retryable: false,
    means: 'The port speaks HTTPS and the caller plain HTTP, or the reverse.',
  },
  certificate_refused: {
    status: 401,
    retryable: false,
    means: 'The port wants a client certificate that it can verify, and the caller has none.',
  },
  forbidden: { status: 403, retryable: false, means: 'The caller is known, but may not do this.' },
  rate_limited: { status: 429, retryable: true, means: 'The caller sent more requests than its quota allows.' },
  headers_too_large: { status: 431, retryable: false, means: 'The request’s headers are larger than they may be.' },
  internal: { status: 500, retryable: false, means: 'A defect in Vitrine; the log has the cause.' },
  model_not_found: {
    status: 404,
    retryable: false,
    means: 'The model, or this version of it, is not in the repository.',
  },
  stem_not_found: {
    status: 404,
    retryable: false,
    means: 'The model makes no stem of this name; the message has those that it makes.',
  },
  model_not_ready: {
    status: 503,
    retryable: true,
    means: 'The model is being loaded or unloaded, or it could not be loaded.',
  },
  model_load_timeout: {
    status: 503,
    retryable: false,
    means: 'The model was not open and warm in the time that it has (VITRINE_MODEL_LOAD_MS_MAX).',
  },
  invalid_input: {
    status: 400,
    retryable: false,
    means: 'An input’s name, type, shape or data is not what the model takes.',
  },
  sequence_not_found: {
    status: 404,
    grpc: 'FAILED_PRECONDITION',
    retryable: false,
    means: 'The sequence was not started, has ended, or was dropped because it was idle or its model was loaded again.',
  },
  sequence_busy: {
    status: 409,
    grpc: 'ABORTED',
    retryable: true,
    means: 'A call of the same sequence is under way, and the model lets no further one wait.',
  },
  invalid_model: { status: 422, retryable: false, means: 'The model’s ONNX file or manifest cannot be used.' },
  queue_full: { status: 503, retryable: true, means: 'As many inputs, bytes or jobs wait as may.' },
  deadline_exceeded: {
    status: 504,
    retryable: true,
    means: 'The time that the server or the model allows passed before the answer was there.',
  },
  caller_deadline_exceeded: {
    status: 504,
    retryable: true,
    fault: 'caller',
    means:
      'The time that the caller allows (X-Request-Timeout-Ms, the parameter timeout) passed before the answer was there.',
  },
  caller_gone: { status: 499, retryable: false, means: 'The caller left before the answer was there.' },
  lane_crashed: { status: 503, retryable: true, means: 'The process that ran the model ended during the run.' },
  circuit_open: { status: 503, retryable: true, means: 'It failed too often in a row; it is left alone for a while.' },
  prompt_not_understood: {
    status: 422,
    retryable: false,
    means: 'No word of the prompt has a meaning here; the answer lists those that have.',
  },
  not_acceptable: {
    status: 406,
    retryable: false,
    means: 'The result cannot be had in any form that the request accepts.',
  },
  media_not_supported: {
    status: 415,
    retryable: false,
    means: 'A file is of a kind that the task does not read.',
  },
  invalid_audio: {
    status: 422,
    retryable: false,
    means: 'A sound cannot be taken: damaged, cut off, empty, with absurd figures or samples that are no numbers.',
  },
  audio_too_long: { status: 413, retryable: false, means: 'A sound is longer, or has more samples, than is taken.' },
  task_too_large: {
    status: 413,
    retryable: false,
    means: 'The task needed more memory than a task may hold, and was ended alone.',
  },
  inference_failed: { status: 500, retryable: false, means: 'ONNX Runtime could not run the model on these inputs.' },
  job_not_found: {
    status: 404,
    retryable: false,
    means: 'There is no such job of this caller: it never was, it was deleted, or its time to live is over.',
  },
  job_not_ended: {
    status: 409,
    retryable: true,
    means: 'The job has not ended: it has no result yet.',
  },
  job_cancelled: { status: 409, retryable: false, means: 'The job was cancelled, so it has no result.' },
  job_failed: {
    status: 409,
    retryable: false,
    means: 'The job failed, so it has no result; the message and the job say with which code.',
  },
  job_interrupted: {
    status: 500,
    retryable: false,
    means: 'The process ended several times while it worked on the job, which is not tried again.',
  },
  idempotency_key_reused: {
    status: 409,
    retryable: false,
    means: 'The Idempotency-Key belongs to a job with another kind, parameters or files.',
  },
  database_unreachable: {
    status: 503,
    retryable: true,
    means: 'The database of the jobs (VITRINE_DATABASE_URL) cannot be used at the moment; inference goes on.',
  },
  files_unreachable: {
    status: 503,
    retryable: true,
    means: 'The place of the jobs’ files (VITRINE_FILES) cannot be used at the moment; inference goes on.',
  },
  files_missing: {
    status: 500,
    retryable: false,
    means: 'A file of a job is not in VITRINE_FILES any more, or is not what was put there.',
  },
  models_unreachable: {
    status: 503,
    retryable: true,
    means: 'A place of models (VITRINE_MODELS) cannot be used at the moment; what was downloaded before is served.',
  },
  models_refused: {
    status: 422,
    retryable: false,
    means: 'What a place of models holds is not taken: its hash, signature, size or paths are not as they must be.',
  },
  backend_away: { status: 503, retryable: true, means: 'The backend that the page asks for is not there.' },
  backend_slow: { status: 504, retryable: true, means: 'The backend did not answer the page in time.' },
  backend_failed: { status: 502, retryable: true, means: 'The backend answered the page with a failure of its own.' },
  backend_refused: { status: 400, retryable: false, means: 'The backend does not understand the page’s question.' },
  backend_answer_too_large: {
    status: 502,
    retryable: false,
    means: 'The backend’s answer is larger than is passed on to the page.',
  },
  page_not_made: { status: 503, retryable: false, means: 'The page is not built, or cannot be read.' },
  invalid_setting: {
    status: 500,
    retryable: false,
    means: 'A setting has a value that cannot be used; the start ends.',
  },
} as const satisfies Record<string, Failure>;

/**
 * `fault` stands where the status does not say it: 499 is a caller who left, another 4xx the
 * caller's mistake, 5xx the server's failure. `grpc` likewise, where it is another than the status
 * has.
 */
type Failure = { status: number; grpc?: GrpcStatus; retryable: boolean; fault?: Fault; means: string };

/** gRPC's own numbers of what can be answered here. */
export const grpcStatuses = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;
export type GrpcStatus = keyof typeof grpcStatuses;

const grpcOfStatus: Readonly<Record<number, GrpcStatus>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  406: 'FAILED_PRECONDITION',
  408: 'ABORTED',
  409: 'FAILED_PRECONDITION',
  413: 'RESOURCE_EXHAUSTED',
  415: 'UNIMPLEMENTED',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  431: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** What a gRPC caller is answered of a failure. */
export function grpcStatusOf(code: FailureCode): GrpcStatus {
  const { status, grpc }: Failure = failures[code];
  return grpc ?? grpcOfStatus[status] ?? 'INTERNAL';
}

export type FailureCode = keyof typeof failures;

export function faultOf(code: FailureCode): Fault {
  return faultByCode[code];
}

/** Of an answer that names no failure; undefined: none. */
export function faultOfStatus(status: number): Fault | undefined {
  if (status < 400) return undefined;
  if (status === 499) return 'left';
  return status < 500 ? 'caller' : 'server';
}

const faultByCode = Object.fromEntries(
  Object.entries(failures).map(([code, failure]: [string, Failure]) => [
    code,
    failure.fault ?? faultOfStatus(failure.status),
  ]),
) as Record<FailureCode, Fault>;

/** The level of its log line. */
export const levelOfFault = { caller: 'warn', left: 'info', server: 'error' } as const satisfies Record<Fault, string>;

/**
 * Whether a guard turned the request away before any work was done on it: who it is, how often, how
 * much, or that there is no room now.
 */
export function isRefusal(code: FailureCode): boolean {
  const isAfterWork = code === 'lane_crashed' || code === 'task_too_large';
  return [401, 403, 413, 429, 431, 503].includes(failures[code].status) && !isAfterWork;
}

/**
 * A known failure. Anything else that is thrown is a defect and is answered as `internal`.
 * The message reads "Cannot <do what>: <current state>; <remedy, naming the setting>". Make it by
 * `say` (sentence.ts), or it is not recorded.
 */
export class ServiceError extends Error {
  readonly code: FailureCode;
  /** When asking again is worth it, where that is known: the answer's Retry-After. */
  readonly retryAfterMs: number | undefined;
  /**
   * The message as it may be recorded, in logs, spans and flight records: without the caller's words
   * where it was made by `say`, else no more than what the code means. The message itself is for the
   * caller alone.
   */
  readonly recorded: string;

  constructor(code: FailureCode, message: string | Sentence, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(String(message), options);
    this.name = 'ServiceError';
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
    this.recorded = message instanceof Sentence ? message.safe : failures[code].means;
  }

  get status(): number {
    return failures[this.code].status;
  }

  get retryable(): boolean {
    return failures[this.code].retryable;
  }
}

/** A deadline that the caller set is the caller's; every other failure stays what it is. */
export function ofCallersDeadline(error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.code !== 'deadline_exceeded') return error;
  return new ServiceError('caller_deadline_exceeded', new Sentence(error.message, error.recorded), { cause: error });
}

/**
 * Why something failed, as it may be recorded. Foreign messages quote their inputs (a path, a
 * value, JSON), so quoted parts are cut out.
 */
export function recordedReason(error: unknown): string {
  if (error instanceof ServiceError) return error.recorded;
  // What a parser says quotes the text in ways that quotes alone do not end.
  if (error instanceof SyntaxError) return cut;
  return withoutQuotes(error instanceof Error ? error.message : String(error));
}

/** The same with where it was thrown. */
export function recordedStack(error: unknown): string {
  if (!(error instanceof Error)) return recordedReason(error);
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  return [`${error.name}: ${recordedReason(error)}`, ...frames].join('\n');
}

function withoutQuotes(message: string): string {
  return message.replace(/(["'`])(?:(?!\1)[^\n])*\1/g, cut).slice(0, 1000);
}
