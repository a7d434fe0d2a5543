import assert from 'node:assert/strict';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type BrowserForTests, startBrowser } from '../../testkit/browser.ts';
import { audience, type OpenIdProvider, startOpenIdProvider } from '../../testkit/openid-provider.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

describe('signing in at the page', function () {
  this.timeout(180_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let provider: OpenIdProvider;
  let service: ServiceProcess;
  let browser: BrowserForTests;

  before(async function () {
    browser = availableOrSkip(this, await startBrowser());
    folder = await temporaryFolder();
    provider = await startOpenIdProvider();
    service = await startService({
      VITRINE_DATA: folder.path,
      VITRINE_OIDC_ISSUER: provider.issuer,
      VITRINE_OIDC_AUDIENCE: audience,
      VITRINE_OIDC_ALGORITHMS: 'ES256',
      VITRINE_OIDC_CLIENT_ID: 'page',
    });
    provider.allowPage(service.url);
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await service?.[Symbol.asyncDispose]();
    await provider?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it('leads to the provider and back to the same view, as the person who signed in there', async () => {
    await using open = await browser.open(service.url, '#/models');
    const { page } = open;
    await page.getByLabel('Give a key').click();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(`${provider.issuer}/**`);
    await page.locator('input[name=login]').fill('mila');
    await page.locator('input[name=password]').fill('any');
    await page.locator('button[type=submit]').click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${service.url}/#/models`);
    await page.getByRole('button', { name: 'Change the key that is in use' }).waitFor();
    const token = await page.evaluate(() => sessionStorage.getItem('vitrine.key'));
    const facts = await fetch(`${service.url}/page/facts`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(((await facts.json()) as { client: string }).client, 'mila');
    assert.doesNotMatch(page.url(), /code=|state=/);
  });

  it('takes no code of another sign-in, and says so', async () => {
    await using open = await browser.open(service.url, '?code=made-up&state=made-up#/models', {
      script: `sessionStorage.setItem('vitrine.sign-in', JSON.stringify({ state: 'another', verifier: 'v', nonce: 'n', hash: '#/models' }))`,
    });
    await open.page.getByText('the answer is of another sign-in').waitFor();
    assert.equal(await open.page.evaluate(() => sessionStorage.getItem('vitrine.key')), null);
  });

  it('refuses a code that the provider does not know, a body that is none, and more than two a second', async () => {
    const send = (body: object) => fetch(`${service.url}/page/sign-in`, { method: 'POST', body: JSON.stringify(body) });
    const good = { code: 'x', verifier: 'v'.repeat(43), nonce: 'n'.repeat(16), redirect_uri: `${service.url}/` };
    const unknown = await send(good);
    assert.equal(unknown.status, 401);
    assert.match(await unknown.text(), /the provider does not take its code/);
    assert.equal((await send({ ...good, verifier: 'short' })).status, 400);
    assert.equal((await send({ ...good, redirect_uri: 'none' })).status, 400);
    let status = 0;
    for (let sent = 0; sent < 200 && status !== 429; sent += 1) status = (await send(good)).status;
    assert.equal(status, 429);
  });
});
