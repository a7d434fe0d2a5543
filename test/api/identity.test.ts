import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose';
import { identity } from '../../testkit/models/models.ts';
import { audience, type OpenIdProvider, startOpenIdProvider } from '../../testkit/openid-provider.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { serveApi } from './serve-api.ts';

const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });
type Api = Awaited<ReturnType<typeof serveApi>>;

describe('tokens of an OpenID provider', function () {
  this.timeout(60_000);
  let provider: OpenIdProvider;
  let api: Api;

  before(async () => {
    provider = await startOpenIdProvider();
    api = await serveApi(
      { copy: { onnx: identity('FP32') }, other: { onnx: identity('FP32') } },
      { oidcIssuer: provider.issuer, oidcAudience: audience, oidcAlgorithms: 'ES256', oidcAdminRole: 'operator' },
    );
  });
  after(async () => {
    await api[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });

  const infer = async (token: string | undefined, model = 'copy') => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await api.fetch(`/v2/models/${model}/infer`, { method: 'POST', headers, body });
    return { status: response.status, said: await response.text() };
  };

  it('let their holders in, and nobody without one', async () => {
    assert.equal((await infer(await provider.token())).status, 200);
    assert.equal((await infer(undefined)).status, 401);
    assert.equal((await api.fetch('/live')).status, 200);
  });

  it('are checked once, however many requests bring the same one at once', async () => {
    const token = await provider.token();
    const before = provider.asked.filter((url) => url.includes('jwks')).length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => infer(token)));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.ok(provider.asked.filter((url) => url.includes('jwks')).length - before <= 1);
  });

  it('say the tenant, the models and the quota', async () => {
    const token = await provider.token({ sub: 'ignored', vitrine: { models: ['cop*'], infer_per_minute: 2 } });
    assert.equal((await infer(token)).status, 200);
    assert.deepEqual([(await infer(token, 'other')).status, (await infer(token)).status], [403, 429]);
    const again = await provider.token({ vitrine: { models: ['*'], infer_per_minute: 2 } });
    assert.equal((await infer(again)).status, 429, 'a new token of the tenant has no new quota');
  });

  it('let those administer who have the role, and no others', async () => {
    const unload = async (token: string) =>
      (
        await api.fetch('/v2/repository/models/other/load', {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
        })
      ).status;
    assert.equal(await unload(await provider.token({ roles: ['reader'] })), 403);
    assert.equal(await unload(await provider.token({ roles: ['operator', 'reader'] })), 200);
  });

  it('are refused where they are not what they have to be, and the answer says why', async () => {
    const now = Math.floor(Date.now() / 1000);
    const stranger = await generateKeyPair('ES256', { extractable: true });
    const strangersKey = await exportJWK(stranger.privateKey);
    const good = await provider.made({});
    const [head, claims, signature] = good.split('.') as [string, string, string];
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
    const publicKey = await publicKeyOf(provider);
    const hmacHead = Buffer.from('{"alg":"HS256","kid":"first"}').toString('base64url');
    const hmac = createHmac('sha256', publicKey).update(`${hmacHead}.${claims}`).digest('base64url');
    const wrong: readonly (readonly [what: string, token: string, says: RegExp])[] = [
      ['expired', await provider.made({ exp: now - 120 }), /has expired/],
      ['not valid yet', await provider.made({ nbf: now + 600 }), /not valid yet/],
      ['for another service', await provider.made({ aud: 'https://other.example' }), /not for this service/],
      ['of another issuer', await provider.made({ iss: 'https://other.example' }), /another issuer/],
      ['without an end', await provider.made({ exp: undefined }), /no usable claim exp/],
      ['unsigned', unsigned, /not signed in a way/],
      ['signed with the public key as a secret', `${hmacHead}.${claims}.${hmac}`, /not signed in a way/],
      ['signed by a stranger', await provider.made({}, { key: strangersKey }), /signature of its token is wrong/],
      ['of an unknown key', await provider.made({}, { kid: 'unheard-of', key: strangersKey }), /signing key/],
      ['changed', `${head}.${changed(claims)}.${signature}`, /signature of its token is wrong/],
      ['no JSON', `${head}.bm9uZQ.${signature}`, /signature|well-formed/],
      ['of nobody', await provider.made({ sub: 'Not A Tenant' }), /no name of a tenant/],
      ['of the administrator by name', await provider.made({ sub: 'admin' }), /no name of a tenant/],
      ['with rights that are none', await provider.made({ vitrine: { models: 'all' } }), /fields of an API key/],
    ];
    for (const [what, token, says] of wrong) {
      const { status, said } = await infer(token);
      assert.equal(status, 401, `${what}: ${said}`);
      assert.match(said, says, what);
    }
    assert.equal((await infer(good)).status, 200);
  });

  it('go on while the provider cannot be reached, new ones with its known keys', async () => {
    const before = await provider.made({ sub: 'before' });
    assert.equal((await infer(before)).status, 200);
    await provider.stop();
    try {
      assert.equal((await infer(before)).status, 200);
      assert.equal((await infer(await provider.made({ sub: 'meanwhile' }))).status, 200);
    } finally {
      await provider.start();
    }
  });

  it('wait for a provider that cannot be reached at the first token: 503, then 200', async () => {
    await using late = await startOpenIdProvider();
    await using waiting = await serveApi(
      { copy: { onnx: identity('FP32') } },
      { oidcIssuer: late.issuer, oidcAudience: audience, oidcAlgorithms: 'ES256' },
    );
    const token = await late.token();
    const ask = async () => {
      const headers = { authorization: `Bearer ${token}` };
      return waiting.fetch('/v2/models/copy/infer', { method: 'POST', headers, body });
    };
    await late.stop();
    const refused = await ask();
    assert.equal(refused.status, 503);
    assert.match(await refused.text(), /VITRINE_OIDC_ISSUER cannot be reached/);
    assert.equal((await waiting.fetch('/live', { headers: { authorization: `Bearer ${token}` } })).status, 200);
    await late.start();
    await waitFor('the token to be taken', async () => (await ask()).status === 200);
  });

  it('are taken with a new signing key, and refused with the old one', async () => {
    await using turning = await startOpenIdProvider();
    await using served = await serveApi(
      { copy: { onnx: identity('FP32') } },
      { oidcIssuer: turning.issuer, oidcAudience: audience, oidcAlgorithms: 'ES256', oidcKeysAgeMsMax: 100 },
    );
    const ask = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await served.fetch('/v2/models/copy/infer', { method: 'POST', headers, body })).status;
    };
    const made = await Promise.all([1, 2].map((number) => turning.made({ jti: String(number) })));
    assert.equal(await ask(made[0]!), 200);
    await turning.rotate();
    const later = await turning.made({});
    await waitFor('the new key', async () => (await ask(later)) === 200, { deadlineMs: 30_000 });
    assert.equal(await ask(made[1]!), 401);
  });

  it('end a start whose settings would let in too many', async () => {
    const settings = { oidcIssuer: provider.issuer, oidcAudience: audience };
    for (const [wrong, says] of [
      [{ oidcAudience: '' }, /VITRINE_OIDC_AUDIENCE/],
      [{ oidcAlgorithms: 'ES256,HS256' }, /VITRINE_OIDC_ALGORITHMS: HS256 is not taken/],
      [{ oidcAlgorithms: 'none' }, /none is not taken/],
      [{ oidcIssuer: 'http://other.example' }, /VITRINE_OIDC_ISSUER: it is no address with https/],
      [{ oidcKeysUrl: 'ftp://other.example' }, /VITRINE_OIDC_KEYS_URL/],
    ] as const)
      await assert.rejects(serveApi({}, { ...settings, ...wrong }), says);
  });
});

async function publicKeyOf(provider: OpenIdProvider): Promise<string> {
  const { keys } = (await (await fetch(`${provider.issuer}/jwks`)).json()) as { keys: Record<string, string>[] };
  return exportSPKI((await importJWK(keys[0]!, 'ES256')) as Parameters<typeof exportSPKI>[0]);
}

function changed(claims: string): string {
  const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
  return Buffer.from(JSON.stringify({ ...read, sub: 'somebody-else' })).toString('base64url');
}
