import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { storeFor } from '../../stores/stores.ts';
import { version } from '../../version.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import { backendNames } from '../backends-proxy/allowed-questions.ts';
import { titleOf } from '../backends-proxy/ask-backend.ts';
import { type DashboardFiles, namesIn } from './dashboard-files.ts';

type Parts = { config: Config; access: AccessControl };

/** GET /page/facts: what the page has to know of its service before it asks for more. */
export function pageFacts({ config, access }: Parts) {
  return (_request: Request, response: Response, client: Client): void => {
    response.json({
      version,
      environment: config.environment,
      client: client.name,
      admin: access.mayAdminister(client),
      backends: backendNames,
      stores: {
        metrics: titleOf(storeFor('metrics', config)),
        traces: titleOf(storeFor('traces', config)),
        logs: titleOf(storeFor('logs', config)),
      },
      grafana: config.grafanaOn ? config.grafanaUrl : null,
      exportIntervalSeconds: config.metricIntervalMs / 1000,
    });
  };
}

/** GET /page/dashboards: every dashboard there is, by title. */
export function listDashboards({ dashboards }: { dashboards: DashboardFiles }) {
  return async (_request: Request, response: Response): Promise<void> => {
    const all = await dashboards.all();
    response.json({
      dashboards: all.map(({ uid, title, description, tags }) => ({ uid, title, description, tags })),
    });
  };
}

/** GET /page/dashboards/:uid: one dashboard, as Grafana reads it too. */
export function showDashboard({ dashboards }: { dashboards: DashboardFiles }) {
  return async (request: Request, response: Response): Promise<void> => {
    const found = (await dashboards.all()).find(({ uid }) => uid === request.params.uid);
    if (!found)
      throw new ServiceError(
        'not_found',
        say`Cannot show the dashboard: there is none of this uid; GET /page/dashboards.`,
      );
    response.type('application/json').send(found.text);
  };
}

/** GET /page/runbooks/:name: the page of an alert, in Markdown. */
export function showRunbook({ config }: Pick<Parts, 'config'>) {
  return async (request: Request, response: Response): Promise<void> => {
    // Compared with what is there, never made into a path.
    const name = (await namesIn(config.runbooks)).find((each) => each === `${request.params.name as string}.md`);
    if (name === undefined)
      throw new ServiceError(
        'not_found',
        say`Cannot show the runbook: there is none of this name in VITRINE_RUNBOOKS.`,
      );
    response.type('text/markdown').send(await textOf(config.runbooks, name));
  };
}

function textOf(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8');
}
