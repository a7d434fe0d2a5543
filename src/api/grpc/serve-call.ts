import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { ServiceError } from '../../errors.ts';
import type { Caller } from '../../http/caller.ts';
import { say } from '../../sentence.ts';
import { type AccessControl, refuseModelOfOthers } from '../access/access-control.ts';
import { audited } from '../access/audit-entry.ts';
import type { Client } from '../access/clients.ts';
import { QuotaElsewhere } from '../inference/take-quota.ts';
import { rpcRoutes, type Word } from '../routes.ts';
import { GrpcCall } from './grpc-call.ts';
import type { Message } from './protocol/codec.ts';
import { type HandlerParts, type RpcHandler, rpcHandlers } from './rpc-handlers.ts';
import { answerUnary } from './unary.ts';

export type ServeParts = HandlerParts & { readonly access: AccessControl };

/** The words of a call: of one that reads and changes there are two. */
type Words = { readonly first: Word; readonly change: Word | undefined };

/** Answers each call: its guard, then its handler. */
export type ServeCall = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  socket: Caller['socket'],
) => GrpcCall;

/** Ends the start when a call has no word: nobody has said who may use it. */
export function serveCalls(parts: ServeParts): ServeCall {
  const handlers: Readonly<Record<string, RpcHandler>> = rpcHandlers(parts);
  const table = new Map(Object.entries(handlers).map(([path, handler]) => [path, { handler, words: wordsOf(path) }]));
  return (stream, headers, rawHeaders, socket) => {
    const path = headers[':path'] ?? '';
    const rpc = table.get(path);
    const call = new GrpcCall(parts, stream, headers, socket, rpc ? path : 'unmatched');
    const refusal = refusalOf(headers);
    if (refusal !== undefined) {
      call.trace.decide('encoding_not_supported');
      call.refuse(
        refusal,
        'Cannot take the request: it is no call of gRPC; POST one with content-type application/grpc.',
      );
      return call;
    }
    try {
      refuseLong(rawHeaders, parts.config.headerBytesMax);
      call.begin();
      if (rpc === undefined) throw notServed();
      const begin = () => beginWithQuota(parts, call, rpc.handler, rpc.words);
      const looking = parts.access.identities?.look(call);
      if (looking === undefined) begin();
      else looking.then(begin).catch((error: unknown) => call.fail(error));
    } catch (error) {
      call.fail(error);
    }
    return call;
  };
}

/** Of several processes, this one may have to ask for a part of the client's quota first. */
function beginWithQuota(parts: ServeParts, call: GrpcCall, handler: RpcHandler, words: Words): void {
  if (call.isEnded) return;
  try {
    beginCall(parts, call, handler, words);
  } catch (error) {
    if (!(error instanceof QuotaElsewhere)) throw error;
    error.bucket
      .refill()
      .then(() => beginWithQuota(parts, call, handler, words))
      .catch((failure: unknown) => call.fail(failure));
  }
}

function beginCall(parts: ServeParts, call: GrpcCall, handler: RpcHandler, { first, change }: Words): void {
  const { access, config } = parts;
  if (handler.kind === 'calls') {
    handler.begin(call, access.admit(first, call, call, undefined) as Client);
    return;
  }
  const { codec, request, response, model, answer, act, changes } = handler;
  const acts = first.may === 'administrator';
  // An act of administration is audited, refused or not, and its message says of what it is.
  const client = acts ? undefined : access.admit(first, call, call, undefined);
  const audit = (word: Word & { may: 'administrator' }, message: Message) => actOf(parts, call, word, message, act!);
  answerUnary(call, {
    codec,
    request,
    response,
    bytesMax: config.parametersBytesMax,
    answer: (message) => {
      if (acts) return audit(first, message);
      if (changes?.(message) && change?.may === 'administrator') return audit(change, message);
      const named = model?.(message);
      if (named && client) refuseModelOfOthers(client, named);
      return answer!(message, client as Client);
    },
  });
}

async function actOf(
  { access }: ServeParts,
  call: GrpcCall,
  word: Word & { may: 'administrator' },
  message: Message,
  act: NonNullable<(RpcHandler & { kind: 'unary' })['act']>,
): Promise<Message> {
  let answer: Message = {};
  await audited(word.act, {
    request: call,
    response: call,
    admit: () => access.admit(word, call, call, undefined),
    act: async (entry) => {
      answer = await act(message, entry);
    },
  });
  return answer;
}

function wordsOf(path: string): Words {
  const row: { readonly get?: Word; readonly post?: Word } = rpcRoutes[path as keyof typeof rpcRoutes] ?? {};
  const first = row.get ?? row.post;
  if (first === undefined)
    throw new Error(`Cannot start: nothing says who may use ${path}; give it a word in routes.ts.`);
  return { first, change: row.get && row.post };
}

/** The status of HTTP where it is no gRPC at all. */
function refusalOf(headers: IncomingHttpHeaders): number | undefined {
  if (headers[':method'] !== 'POST') return 405;
  return /^application\/grpc(?:\+proto)?(?:;|$)/.test(headers['content-type'] ?? '') ? undefined : 415;
}

/** Node takes up to 64 KiB, whatever the settings of the connection say. */
function refuseLong(rawHeaders: readonly string[], bytesMax: number): void {
  let bytes = 0;
  for (let at = 0; at < rawHeaders.length; at += 1) bytes += rawHeaders[at]!.length;
  if (bytes <= bytesMax) return;
  throw new ServiceError(
    'headers_too_large',
    say`Cannot take the call: its metadata has ${bytes} bytes; at most ${bytesMax} are taken; send less, or raise VITRINE_HEADER_BYTES_MAX.`,
  );
}

function notServed(): ServiceError {
  return new ServiceError(
    'not_found',
    say`Cannot answer: no method has this name; the service inference.GRPCInferenceService and its methods are in docs/grpc.md and in reflection.`,
  );
}
