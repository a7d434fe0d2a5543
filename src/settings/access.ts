import { type Setting, text } from './setting.ts';

/** Who may call the API. */
export const accessSettings = {
  apiKeysFile: text(
    'VITRINE_API_KEYS_FILE',
    '',
    'JSON file of API keys (docs/api-keys.md); read again when it changes. Needed when VITRINE_BIND is not loopback.',
  ),
  adminTokenFile: text(
    'VITRINE_ADMIN_TOKEN_FILE',
    '',
    'File with the bearer token of the repository, settings and other administration, one a line so that a new one can overlap the old. Without it they are open on loopback as long as there are no API keys, else closed.',
  ),
  trustProxy: text(
    'VITRINE_TRUST_PROXY',
    '',
    'Proxies whose X-Forwarded-For is believed: addresses, subnets, or a number of hops. Empty: none. Needs VITRINE_API_KEYS_FILE: without keys, everyone the proxy lets through would be the administrator.',
  ),
} as const satisfies Record<string, Setting>;
