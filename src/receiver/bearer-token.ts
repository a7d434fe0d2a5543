import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Request } from 'express';
import { type Config, type SettingName, settings } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { isLoopback } from '../http/loopback.ts';
import { ours, say } from '../sentence.ts';

const tokenCharsMin = 16;

const tokenFiles = [
  'receiverAlertsTokenFile',
  'receiverDeployTokenFile',
  'receiverEventsTokenFile',
] as const satisfies SettingName[];

/** Ends the start when a token file cannot be used, or when a door without a token would be open to others than this machine. */
export async function checkTokens(config: Config): Promise<void> {
  for (const name of tokenFiles) {
    const { env } = settings[name];
    if (config[name] !== '') {
      await readTokens(config[name]).catch((cause: unknown) => {
        throw new ServiceError(
          'invalid_setting',
          say`Cannot use ${ours(env)}: ${cause instanceof Error ? cause.message : String(cause)}; name a file with one token a line.`,
          { cause },
        );
      });
    } else if (!isLoopback(config.bind)) {
      throw new ServiceError(
        'invalid_setting',
        say`Cannot listen on ${ours(config.bind)}: a door of the receiver has no token; name its file in ${ours(env)}, or set VITRINE_BIND to 127.0.0.1.`,
      );
    }
  }
}

/** Lets the request pass, or throws; without a token file, everybody passes. The file is read each time, so that a token can be exchanged without a restart. */
export async function authorize(request: Request, tokenFile: string): Promise<void> {
  if (tokenFile === '') return;
  const given = /^Bearer +(\S{1,1024}) *$/i.exec(request.get('authorization') ?? '')?.[1];
  if (given === undefined) throw unauthorized('the request has no bearer token');
  const known = await readTokens(tokenFile).catch((cause: unknown) => {
    throw new ServiceError(
      'not_ready',
      say`Cannot check the token: its file cannot be read; look at the files named by VITRINE_RECEIVER_*_TOKEN_FILE.`,
      { cause },
    );
  });
  // Every one is compared, in constant time, so that the time says nothing about how near a guess was.
  if (known.filter((token) => timingSafeEqual(hash(token), hash(given))).length === 0) {
    throw unauthorized('its bearer token is not known');
  }
}

async function readTokens(file: string): Promise<string[]> {
  const tokens = (await readFile(file, 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (tokens.length === 0) throw new Error(`${file} has no token in it`);
  if (tokens.some((token) => token.length < tokenCharsMin || /\s/.test(token))) {
    throw new Error(`${file} has a token that is shorter than ${tokenCharsMin} characters or has spaces in it`);
  }
  return tokens;
}

function unauthorized(because: string): ServiceError {
  return new ServiceError(
    'unauthorized',
    say`Cannot take this: ${ours(because)}; send "Authorization: Bearer …" with the token of this door.`,
  );
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
