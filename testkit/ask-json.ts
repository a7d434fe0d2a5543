import { request as askPlain } from 'node:http';
import { request as askSecure } from 'node:https';
import { json } from 'node:stream/consumers';

/** The JSON that an address answers; `ca` is the authority of an https one. */
export function askJson(url: string, { headers = {}, ca }: { headers?: Record<string, string>; ca?: Buffer } = {}) {
  return new Promise<unknown>((resolve, reject) => {
    const ask = url.startsWith('https:') ? askSecure : askPlain;
    const asked = ask(url, { agent: false, headers, ...(ca && { ca }) }, (answer) => {
      json(answer).then(resolve, reject);
    });
    asked.once('error', reject);
    asked.end();
  });
}
