import { type Metric, requestSeconds } from './metric.ts';

/** PostgreSQL, where VITRINE_DATABASE_URL names one. Names of OpenTelemetry's conventions. */
export const databaseMetrics = {
  databaseQuerySeconds: {
    name: 'db.client.operation.duration',
    kind: 'histogram',
    unit: 's',
    says: 'A query or transaction, the wait for a connection included: by what was asked, and how it failed.',
    attributes: ['db.operation.name', 'error.type'],
    buckets: requestSeconds,
  },
  databaseWaitSeconds: {
    name: 'db.client.connection.wait_time',
    kind: 'histogram',
    unit: 's',
    says: 'The wait for a connection of the pool; making a new one included.',
    attributes: [],
    buckets: requestSeconds,
  },
  databaseConnections: {
    name: 'db.client.connection.count',
    kind: 'gauge',
    unit: '',
    says: 'Connections of this process to the database: idle or used.',
    attributes: ['state'],
  },
  databaseConnectionsWaiting: {
    name: 'db.client.connection.pending_requests',
    kind: 'gauge',
    unit: '',
    says: 'Queries that wait for a connection.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;
