import type { RouteTable } from '../http/route-table.ts';
import type { Quota } from './inference/take-quota.ts';

// Every route of the service, with the word that says who may use it. All guards follow from it
// (access/guard-route.ts, access/access-control.ts).

/** A path with `:model` is also held against the models of the client's key. */
export type Word =
  | { readonly may: 'open'; readonly isLook?: true }
  | {
      readonly may: 'client';
      /** What each request is taken from. */
      readonly quota?: Quota;
      /** Requests of the page are not recorded, or the page would observe itself. */
      readonly isLook?: true;
    }
  | { readonly may: 'administrator'; readonly act: Act };

/** What the audit log calls an act of administration. */
export type Act = 'model_load' | 'model_unload' | 'trace_settings' | 'log_settings' | 'alert_silence';

const open = { may: 'open' } as const;
const client = { may: 'client' } as const;
const infer = { may: 'client', quota: 'infer' } as const;
const task = { may: 'client', quota: 'tasks' } as const;
const list = { may: 'client', quota: 'reads' } as const;

/** The front answers these itself (front.ts). */
export const inferenceRoutes = {
  '/v2/models/:model/infer': { post: infer },
  '/v2/models/:model/versions/:version/infer': { post: infer },
  '/v2/models/:model/generate': { post: infer },
  '/v2/models/:model/versions/:version/generate': { post: infer },
  '/v2/models/:model/generate_stream': { post: infer },
  '/v2/models/:model/versions/:version/generate_stream': { post: infer },
} as const satisfies RouteTable;

export const routedRoutes = {
  '/v1/separate': { post: task },
  '/v1/generate': { post: task },
  '/v1/score': { post: task },
  '/v1/microstructure': { post: task },
  '/v1/speech': { post: task },
  // The name that it has elsewhere.
  '/separate': { post: task },

  '/live': { get: open },
  '/ready': { get: open },
  '/health': { get: open },
  '/health/detailed': { get: open },
  '/metrics': { get: open },

  '/v2': { get: client },
  '/v2/health/live': { get: open },
  '/v2/health/ready': { get: open },
  '/v2/models/stats': { get: list },
  '/v2/models/:model': { get: client },
  '/v2/models/:model/ready': { get: client },
  '/v2/models/:model/config': { get: client },
  '/v2/models/:model/stats': { get: client },
  '/v2/models/:model/versions/:version': { get: client },
  '/v2/models/:model/versions/:version/ready': { get: client },
  '/v2/models/:model/versions/:version/config': { get: client },
  '/v2/models/:model/versions/:version/stats': { get: client },
  '/v2/repository/index': { post: list },
  '/v2/repository/models/:model/load': { post: { may: 'administrator', act: 'model_load' } },
  '/v2/repository/models/:model/unload': { post: { may: 'administrator', act: 'model_unload' } },
  '/v2/trace/setting': { get: client, post: { may: 'administrator', act: 'trace_settings' } },
  '/v2/models/:model/trace/setting': { get: client, post: { may: 'administrator', act: 'trace_settings' } },
  '/v2/logging': { get: client, post: { may: 'administrator', act: 'log_settings' } },

  '/v1/requests': { get: list },
  '/v1/requests/summary': { get: list },
  '/v1/requests/compare': { post: list },
  '/v1/requests/distribution': { get: list },
  '/v1/batches': { get: list },
  '/v1/blame': { get: list },
  '/v1/what-if': { post: list },
  '/v1/requests/:id': { get: list },
  '/v1/requests/:id/why': { get: list },
  '/v1/requests/:id/blame': { get: list },
  '/v1/requests/:id/alone': { post: list },
  '/v1/jobs': { get: list },
  '/v1/jobs/:id': { get: client, delete: client },
  '/v1/jobs/:id/events': { get: client },
  '/v1/jobs/:id/cancel': { post: client },
  '/v1/jobs/:id/result': { get: client },
  '/v1/jobs/:id/files/:name': { get: client },
  // As the page's: an assistant would find its own questions.
  '/mcp': { post: { ...list, isLook: true } },
  '/openapi.json': { get: open },
  '/docs': { get: open },
  '/docs/:file': { get: open },
} as const satisfies RouteTable<Word>;

/**
 * The calls of gRPC, each with the words of the route that does the same over HTTP. One that reads
 * and changes has both: what its message says decides.
 */
export const rpcRoutes = {
  '/inference.GRPCInferenceService/ServerLive': routedRoutes['/v2/health/live'],
  '/inference.GRPCInferenceService/ServerReady': routedRoutes['/v2/health/ready'],
  '/inference.GRPCInferenceService/ModelReady': routedRoutes['/v2/models/:model/ready'],
  '/inference.GRPCInferenceService/ServerMetadata': routedRoutes['/v2'],
  '/inference.GRPCInferenceService/ModelMetadata': routedRoutes['/v2/models/:model'],
  '/inference.GRPCInferenceService/ModelInfer': inferenceRoutes['/v2/models/:model/infer'],
  '/inference.GRPCInferenceService/ModelStreamInfer': inferenceRoutes['/v2/models/:model/infer'],
  '/inference.GRPCInferenceService/ModelConfig': routedRoutes['/v2/models/:model/config'],
  '/inference.GRPCInferenceService/ModelStatistics': routedRoutes['/v2/models/:model/stats'],
  '/inference.GRPCInferenceService/RepositoryIndex': routedRoutes['/v2/repository/index'],
  '/inference.GRPCInferenceService/RepositoryModelLoad': routedRoutes['/v2/repository/models/:model/load'],
  '/inference.GRPCInferenceService/RepositoryModelUnload': routedRoutes['/v2/repository/models/:model/unload'],
  '/inference.GRPCInferenceService/TraceSetting': routedRoutes['/v2/models/:model/trace/setting'],
  '/inference.GRPCInferenceService/LogSettings': routedRoutes['/v2/logging'],
  '/grpc.health.v1.Health/Check': routedRoutes['/ready'],
  '/grpc.health.v1.Health/Watch': routedRoutes['/ready'],
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': routedRoutes['/openapi.json'],
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': routedRoutes['/openapi.json'],
} as const satisfies RouteTable<Word>;

/** Those whose metrics begin with the service. */
export const inferenceRpcs = [
  '/inference.GRPCInferenceService/ModelInfer',
  '/inference.GRPCInferenceService/ModelStreamInfer',
] as const;

export const serviceRoutes = { ...inferenceRoutes, ...routedRoutes };

const look = { may: 'client', isLook: true } as const;
const listLook = { may: 'client', quota: 'reads', isLook: true } as const;

/** With VITRINE_PAGE. The page itself holds no data; what it then asks for does. */
export const pageRoutes = {
  '/': { get: { may: 'open', isLook: true } },
  '/assets/:file': { get: { may: 'open', isLook: true } },
  '/page/facts': { get: look },
  '/page/health': { get: look },
  '/page/reference': { get: listLook },
  '/page/clients': { get: listLook },
  '/page/sign-in': { get: { may: 'open', isLook: true }, post: { may: 'open', isLook: true } },
  '/page/silences': { post: { may: 'administrator', act: 'alert_silence' } },
  '/page/silences/:id': { delete: { may: 'administrator', act: 'alert_silence' } },
  '/page/dashboards': { get: listLook },
  '/page/dashboards/:uid': { get: listLook },
  '/page/runbooks/:name': { get: listLook },
  '/backends/:backend/*path': { get: { may: 'client', quota: 'page', isLook: true } },
} as const satisfies RouteTable<Word>;
