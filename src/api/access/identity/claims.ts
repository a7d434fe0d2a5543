import type { JWTPayload } from 'jose';
import { z } from 'zod';
import type { Config } from '../../../config.ts';
import { type ApiKey, keyRights, reservedTenants, rightsOf, tenantPattern } from '../api-keys.ts';

export type ClaimSettings = Pick<Config, 'oidcTenantClaim' | 'oidcRightsClaim' | 'oidcRolesClaim' | 'oidcAdminRole'>;

const rolesSchema = z.union([z.array(z.string()), z.string().transform((roles) => roles.split(' '))]);

/** What the claims of a checked token allow, or why they allow nothing. */
export function keyOfClaims(claims: JWTPayload, settings: ClaimSettings): ApiKey | string {
  const { oidcTenantClaim, oidcRightsClaim, oidcRolesClaim, oidcAdminRole } = settings;
  const name = claimAt(claims, oidcTenantClaim);
  if (typeof name !== 'string' || !tenantPattern.test(name) || reservedTenants.includes(name))
    return `its claim ${oidcTenantClaim} is no name of a tenant (VITRINE_OIDC_TENANT_CLAIM)`;
  const rights = keyRights.safeParse(claimAt(claims, oidcRightsClaim) ?? {});
  if (!rights.success)
    return `its claim ${oidcRightsClaim} has not the fields of an API key (VITRINE_OIDC_RIGHTS_CLAIM)`;
  const roles = rolesSchema.safeParse(claimAt(claims, oidcRolesClaim));
  const mayAdminister = oidcAdminRole !== '' && roles.success && roles.data.includes(oidcAdminRole);
  return { ...rightsOf(name, rights.data), mayAdminister };
}

/** By the claim's whole name, else by its path: names of claims may be addresses with dots. */
function claimAt(claims: JWTPayload, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name
    .split('.')
    .reduce<unknown>(
      (at, part) =>
        at !== null && typeof at === 'object' && Object.hasOwn(at, part)
          ? (at as Record<string, unknown>)[part]
          : undefined,
      claims,
    );
}
