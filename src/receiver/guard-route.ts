import type { Request } from 'express';
import { type Config, type SettingName, settings } from '../config.ts';
import { ServiceError } from '../errors.ts';
import type { Guard } from '../http/add-routes.ts';
import { refusalOfForeignPage } from '../http/foreign-pages.ts';
import { bearerOf, Tokens, unusableTokens } from '../http/tokens.ts';
import { isLoopback } from '../loopback.ts';
import { ours, say } from '../sentence.ts';
import type { DoorName, ReceiverMetrics } from './receiver-metrics.ts';
import type { Word } from './routes.ts';

const tokenFiles = {
  alerts: 'receiverAlertsTokenFile',
  deploy: 'receiverDeployTokenFile',
  events: 'receiverEventsTokenFile',
} as const satisfies Record<DoorName, SettingName>;

/**
 * Ends the start when a token file cannot be used, or when a route without a token could be reached
 * from other machines.
 */
export async function checkTokens(config: Config): Promise<void> {
  for (const name of Object.values(tokenFiles)) {
    const { env } = settings[name];
    if (config[name] !== '')
      await Tokens.read(config[name]).catch((cause: unknown) => {
        throw unusableTokens(env, cause);
      });
    else if (!isLoopback(config.bind))
      throw new ServiceError(
        'invalid_setting',
        say`Cannot listen on ${ours(config.bind)}: a route of the receiver has no token; name its file in ${ours(env)}, or set VITRINE_BIND to 127.0.0.1.`,
      );
  }
}

/** The receiver's guard: no web pages, and the token of the route. What it refuses is counted. */
export function guardRoute({ config, metrics }: { config: Config; metrics: ReceiverMetrics }): Guard<Word, void> {
  return (word, handler) => async (request, response) => {
    if (word.may === 'client')
      try {
        await admit(request, config, config[tokenFiles[word.token]]);
      } catch (error) {
        metrics.refusedBecause(word.token, error);
        throw error;
      }
    await handler(request, response, undefined);
  };
}

async function admit(request: Request, config: Config, tokenFile: string): Promise<void> {
  // With a token, a proxy may stand in front and send its own name as Host.
  const onlyLoopbackHosts = isLoopback(config.bind) && tokenFile === '';
  const foreign = refusalOfForeignPage(request, { onlyLoopbackHosts, hasOwnPage: false });
  if (foreign) throw foreign;
  if (tokenFile === '') return;
  const given = bearerOf(request);
  if (!given) throw unauthorized('the request has no bearer token');
  // Read each time, so that a token can be exchanged without a restart.
  const tokens = await Tokens.read(tokenFile).catch((cause: unknown) => {
    throw new ServiceError(
      'not_ready',
      say`Cannot check the token: its file cannot be read; look at the files named by VITRINE_RECEIVER_*_TOKEN_FILE.`,
      { cause },
    );
  });
  if (!tokens.has(given)) throw unauthorized('its bearer token is not known');
}

function unauthorized(because: string): ServiceError {
  return new ServiceError(
    'unauthorized',
    say`Cannot take this: ${ours(because)}; send "Authorization: Bearer …" with the token of this route.`,
  );
}
