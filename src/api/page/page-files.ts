import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { version } from '../../version.ts';
import { backendNames } from '../backends-proxy/allowed-questions.ts';
import type { Client } from '../clients.ts';
import type { Door } from '../door.ts';

type Parts = { config: Config; door: Door };

/** GET /page/facts: what the page has to know of its service before it asks for more. */
export function pageFacts({ config, door }: Parts) {
  return (_request: Request, response: Response, client: Client): void => {
    response.json({
      version,
      environment: config.environment,
      client: client.name,
      admin: door.mayAdminister(client),
      backends: backendNames,
      grafana: config.grafanaOn ? config.grafanaUrl : null,
      exportIntervalSeconds: config.metricIntervalMs / 1000,
    });
  };
}

/** GET /page/dashboards: every dashboard there is, by title; the files are read anew, since they are few and somebody may be writing one. */
export function listDashboards({ config }: Pick<Parts, 'config'>) {
  return async (_request: Request, response: Response): Promise<void> => {
    const names = (await namesIn(config.dashboards)).filter((name) => name.endsWith('.json'));
    const read = await Promise.all(names.map(async (name) => JSON.parse(await textOf(config.dashboards, name))));
    const dashboards = read as { uid?: string; title?: string; description?: string; tags?: string[] }[];
    response.json({
      dashboards: dashboards
        .flatMap(({ uid, title = uid, description = '', tags = [] }) =>
          uid ? [{ uid, title, description, tags }] : [],
        )
        .sort((a, b) => String(a.title).localeCompare(String(b.title))),
    });
  };
}

/** GET /page/dashboards/:uid: one dashboard, as Grafana reads it too. */
export function showDashboard({ config }: Pick<Parts, 'config'>) {
  return async (request: Request, response: Response): Promise<void> => {
    for (const name of await namesIn(config.dashboards)) {
      if (!name.endsWith('.json')) continue;
      const text = await textOf(config.dashboards, name);
      if ((JSON.parse(text) as { uid?: string }).uid !== request.params.uid) continue;
      response.type('application/json').send(text);
      return;
    }
    throw new ServiceError(
      'not_found',
      say`Cannot show the dashboard: there is none of this uid; GET /page/dashboards.`,
    );
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

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cause;
  }
}

function textOf(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8');
}
