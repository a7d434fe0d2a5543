import type { Request, Response } from 'express';
import type { AccessControl } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import type { QuotaBucket } from '../access/quota-bucket.ts';

/** GET /page/clients: who asked of late, and what is left of their quotas. */
export function listClients({ access }: { access: AccessControl }) {
  return (_request: Request, response: Response, client: Client): void => {
    const now = performance.now();
    response.json({
      clients: access.clientsSeenBy(client).map((each) => ({
        name: each.name,
        tenant: each.tenant,
        quotas: {
          infer: quotaAnswer(each.infer, now),
          tasks: quotaAnswer(each.tasks, now),
          reads: quotaAnswer(each.reads, now),
          page: quotaAnswer(each.page, now),
        },
      })),
    });
  };
}

function quotaAnswer(bucket: QuotaBucket, now: number) {
  const left = bucket.leftAt(now);
  return { per_minute: bucket.perMinute, left, full_in_seconds: bucket.fullInSeconds };
}
