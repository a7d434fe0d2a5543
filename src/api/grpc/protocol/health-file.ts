import { one, type ProtoFile } from './message-table.ts';

/** grpc.health.v1, which probes of Kubernetes and load balancers ask. */
export const healthFile = {
  name: 'grpc/health/v1/health.proto',
  package: 'grpc.health.v1',
  messages: {
    HealthCheckRequest: { service: one(1, 'string') },
    HealthCheckResponse: { status: one(1, 'HealthCheckResponse.ServingStatus') },
  },
  enums: {
    'HealthCheckResponse.ServingStatus': { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 },
  },
  services: {
    Health: {
      Check: { request: 'HealthCheckRequest', response: 'HealthCheckResponse' },
      Watch: { request: 'HealthCheckRequest', response: 'HealthCheckResponse', streams: 'answers' },
    },
  },
} as const satisfies ProtoFile;
