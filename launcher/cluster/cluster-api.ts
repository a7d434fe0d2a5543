import { readFile } from 'node:fs/promises';
import { Agent, type RequestOptions, request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type WatchEvent = { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR'; object: unknown };

type Kubeconfig = {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
};

/** The API of a cluster, by the kubeconfig in its folder. */
export class ClusterApi {
  readonly #server: string;
  readonly #agent: Agent;

  static async open(folder: string): Promise<ClusterApi> {
    return new ClusterApi(JSON.parse(await readFile(join(folder, 'kubeconfig'), 'utf8')) as Kubeconfig);
  }

  private constructor({ clusters, users }: Kubeconfig) {
    const bytes = (text: string) => Buffer.from(text, 'base64');
    const [{ cluster }] = clusters as [Kubeconfig['clusters'][number]];
    const [{ user }] = users as [Kubeconfig['users'][number]];
    this.#server = cluster.server;
    this.#agent = new Agent({
      keepAlive: true,
      ca: bytes(cluster['certificate-authority-data']),
      cert: bytes(user['client-certificate-data']),
      key: bytes(user['client-key-data']),
    });
  }

  /** The answer's body; a status from 400 is an error, but for 404 and 409 where all is done. */
  async send(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<string> {
    const answer = await this.#call({ method, headers: { 'content-type': 'application/json' } }, path, body);
    let text = '';
    for await (const part of answer.setEncoding('utf8')) text += part;
    const { statusCode = 0 } = answer;
    const done = (method === 'POST' && statusCode === 409) || (method === 'DELETE' && statusCode === 404);
    if (statusCode >= 400 && !done) throw new Error(`${method} ${path} answered ${statusCode}: ${text}`);
    return text;
  }

  /** Until the server ends the watch, every few minutes. Events are acted on one by one. */
  async watch(path: string, act: (event: WatchEvent) => Promise<void>): Promise<void> {
    const answer = await this.#call({ method: 'GET' }, `${path}?watch=true`);
    for await (const line of createInterface({ input: answer })) {
      const event = JSON.parse(line) as WatchEvent;
      if (event.type === 'ADDED' || event.type === 'MODIFIED') await act(event);
    }
  }

  #call(options: RequestOptions, path: string, body?: object) {
    return new Promise<import('node:http').IncomingMessage>((done, failed) => {
      const sent = request(new URL(path, this.#server), { ...options, agent: this.#agent }, done);
      sent.once('error', failed).end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
