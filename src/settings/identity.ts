import { integer, type Setting, text } from './setting.ts';

/** Who may call the API with a token of an OpenID provider. */
export const identitySettings = {
  oidcIssuer: text(
    'VITRINE_OIDC_ISSUER',
    '',
    'The OpenID provider whose tokens let callers in, beside API keys (docs/identity.md): its address, as its tokens name it. Empty: none.',
  ),
  oidcAudience: text(
    'VITRINE_OIDC_AUDIENCE',
    '',
    'What a token has to be for: one of its `aud`. Needed with VITRINE_OIDC_ISSUER.',
  ),
  oidcAlgorithms: text(
    'VITRINE_OIDC_ALGORITHMS',
    'RS256,ES256',
    'The signatures that are taken: any of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA.',
  ),
  oidcKeysUrl: text(
    'VITRINE_OIDC_KEYS_URL',
    '',
    'Where the provider’s signing keys (JWKS) are. Empty: the provider’s own description says it, and they have to be at its address.',
  ),
  oidcTenantClaim: text(
    'VITRINE_OIDC_TENANT_CLAIM',
    'sub',
    'The claim that is the tenant: 1 to 63 small letters, digits, dots, dashes or underscores. A path has dots: `account.name`.',
  ),
  oidcRightsClaim: text(
    'VITRINE_OIDC_RIGHTS_CLAIM',
    'vitrine',
    'The claim that is an object with the fields of an API key: models, infer_per_minute, tasks_per_minute, may_profile. Without it, a token has the rights of a key that says nothing.',
  ),
  oidcRolesClaim: text(
    'VITRINE_OIDC_ROLES_CLAIM',
    'roles',
    'The claim that lists roles, such as `realm_access.roles`.',
  ),
  oidcAdminRole: text(
    'VITRINE_OIDC_ADMIN_ROLE',
    '',
    'The role whose holders may administer. Empty: none; then only a token of VITRINE_ADMIN_TOKEN_FILE may.',
  ),
  oidcClientId: text(
    'VITRINE_OIDC_CLIENT_ID',
    '',
    'What the provider calls the page, so that people sign in there. It has to allow the page’s address, with / at its end, as a redirect. Empty: the page takes keys and tokens only.',
  ),
  oidcClientSecretFile: text(
    'VITRINE_OIDC_CLIENT_SECRET_FILE',
    '',
    'File with the secret of that client, where the provider wants one beside PKCE.',
  ),
  oidcScope: text('VITRINE_OIDC_SCOPE', 'openid', 'What the page asks the provider for, with spaces between.'),
  oidcTokensMax: integer(
    'VITRINE_OIDC_TOKENS_MAX',
    10_000,
    1,
    1_000_000,
    'Tokens that are remembered as checked, until they expire. The one used longest ago goes first, and is checked again.',
  ),
  oidcKeysAgeMsMax: integer(
    'VITRINE_OIDC_KEYS_AGE_MS_MAX',
    600_000,
    1_000,
    24 * 3600 * 1000,
    'How often the signing keys are fetched again. A token with a key that is not known fetches them at once, at most every 10 seconds.',
  ),
} as const satisfies Record<string, Setting>;
