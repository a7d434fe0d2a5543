import { z } from 'zod';

/** How long the provider may take to answer. */
export const providerMsMax = 5_000;
const answerCharsMax = 256 * 1024;

const description = z.object({
  issuer: z.string(),
  jwks_uri: z.url(),
  authorization_endpoint: z.url().optional(),
  token_endpoint: z.url().optional(),
});

/** What an OpenID provider says of itself, at the address that its issuer names. */
export async function describeProvider(issuer: string): Promise<z.output<typeof description>> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const described = description.parse(JSON.parse(await askProvider(address)));
  if (described.issuer !== issuer) throw new Error('its description names another issuer');
  return described;
}

/** One bounded answer; redirects are not followed, since they could lead anywhere. */
export async function askProvider(address: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(address, {
    ...init,
    redirect: 'error',
    signal: AbortSignal.timeout(providerMsMax),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`it answers ${response.status}`);
  }
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > answerCharsMax) throw new Error('its answer is too long');
  }
  return text;
}
