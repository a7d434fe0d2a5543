import type { Request, Response } from 'express';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBy } from '../../http/json/read-json-by.ts';
import { say } from '../../sentence.ts';
import { codeSchema, type SignIn } from '../access/identity/sign-in.ts';

type Parts = { signIn: SignIn | undefined; bodies: BodyReader };

/** GET /page/sign-in: where the page sends a person to sign in. */
export function showSignIn({ signIn }: Parts) {
  return async (_request: Request, response: Response): Promise<void> => {
    response.setHeader('Cache-Control', 'no-store');
    response.json(await configured(signIn).facts());
  };
}

/** POST /page/sign-in: the token for the code that the provider gave the browser. */
export function finishSignIn({ signIn, bodies }: Parts) {
  return async (request: Request, response: Response): Promise<void> => {
    const given = await readJsonBy(codeSchema, bodies, request);
    const token = await configured(signIn).exchange(given);
    response.setHeader('Cache-Control', 'no-store');
    response.json({ token });
  };
}

function configured(signIn: SignIn | undefined): SignIn {
  if (signIn !== undefined) return signIn;
  throw new ServiceError(
    'not_found',
    say`Cannot sign in: no provider is configured for the page; set VITRINE_OIDC_ISSUER and VITRINE_OIDC_CLIENT_ID.`,
  );
}
