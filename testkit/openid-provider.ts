import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';

export type OpenIdProvider = AsyncDisposable & {
  readonly issuer: string;
  /** A token as a program gets it: by its client's secret. */
  token(claims?: Record<string, unknown>): Promise<string>;
  /** A token of our own making, signed with the provider's key unless another is given. */
  made(claims: Record<string, unknown>, header?: { alg?: string; kid?: string; key?: JWK }): Promise<string>;
  /** Lets the page at this origin send people here. */
  allowPage(origin: string): void;
  /** What the provider was asked for. */
  readonly asked: string[];
  /** From now on it signs with a new key, and no longer has the old one. */
  rotate(): Promise<void>;
  /** Answers nothing any more, on the same port, until it is started again. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

export const audience = 'https://vitrine.example';

/** A real OpenID provider (oidc-provider) on loopback. */
export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  const { default: Provider } = (await import('oidc-provider' as string)) as { default: ProviderClass };
  const asked: string[] = [];
  let extraClaims: Record<string, unknown> = {};
  let pageOrigin = 'http://127.0.0.1:1';
  let keys = [await newKey('first')];
  let handle: ReturnType<InstanceType<ProviderClass>['callback']> | undefined;
  let server = listener();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  handle = provide();

  function listener() {
    return createServer((request, response) => {
      asked.push(request.url ?? '');
      void handle?.(request, response);
    });
  }

  function provide() {
    const provider = new Provider(issuer, {
      jwks: { keys },
      clients: [
        {
          client_id: 'program',
          client_secret: 'a-secret-of-this-test',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
          id_token_signed_response_alg: 'ES256',
        },
        {
          client_id: 'page',
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code'],
          redirect_uris: [`${pageOrigin}/`],
          response_types: ['code'],
          application_type: 'native',
          id_token_signed_response_alg: 'ES256',
        },
      ],
      claims: { openid: ['sub'] },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
      features: {
        // The pages on which a person signs in: any name, any password.
        devInteractions: { enabled: true },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            scope: 'infer openid',
            audience,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } },
          }),
        },
      },
      extraTokenClaims: () => extraClaims,
    });
    return provider.callback();
  }

  async function stop() {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }

  return {
    issuer,
    asked,
    allowPage: (origin) => {
      pageOrigin = origin;
      handle = provide();
    },
    token: async (claims = {}) => {
      extraClaims = claims;
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from('program:a-secret-of-this-test').toString('base64')}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: `grant_type=client_credentials&scope=infer&resource=${encodeURIComponent(audience)}`,
      });
      const answer = (await response.json()) as { access_token?: string };
      if (answer.access_token === undefined) throw new Error(`The provider gave no token: ${JSON.stringify(answer)}`);
      return answer.access_token;
    },
    made: async (claims, { alg = 'ES256', kid = String(keys[0]!.kid), key = keys[0]! } = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const whole = { iss: issuer, aud: audience, sub: 'program', iat: now, exp: now + 60, ...claims };
      return new SignJWT(whole).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(await importJWK(key, alg));
    },
    rotate: async () => {
      keys = [await newKey('second')];
      handle = provide();
    },
    stop,
    start: async () => {
      server = listener();
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    [Symbol.asyncDispose]: stop,
  };
}

type ProviderClass = new (
  issuer: string,
  configuration: object,
) => { callback(): (request: unknown, response: unknown) => Promise<void> };

async function newKey(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' };
}
