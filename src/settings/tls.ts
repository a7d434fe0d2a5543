import { choice, integer, type Setting, text } from './setting.ts';

/** Encryption: docs/tls.md. */
export const tlsSettings = {
  tls: choice(
    'VITRINE_TLS',
    'as_set',
    ['as_set', 'all'],
    'all: "vitrine up" makes certificates in VITRINE_DATA/certificates and encrypts every port and every way of its stack by them. as_set: what the other settings name is encrypted.',
  ),
  tlsCertFile: text(
    'VITRINE_TLS_CERT_FILE',
    '',
    'PEM file with the certificate of the service and the receiver, its intermediate ones behind it. Given with its key, their ports speak HTTPS only, and gRPC is served over TLS only; read again when it changes (docs/tls.md).',
  ),
  tlsKeyFile: text(
    'VITRINE_TLS_KEY_FILE',
    '',
    'PEM file with the private key of that certificate. Both are also the client certificate of the page’s questions to encrypted stores.',
  ),
  tlsClientCaFile: text(
    'VITRINE_TLS_CLIENT_CA_FILE',
    '',
    'PEM file with the authorities of client certificates: mutual TLS. The names in a certificate can be a tenant (certificate_names in docs/api-keys.md).',
  ),
  tlsClientCertificates: choice(
    'VITRINE_TLS_CLIENT_CERTIFICATES',
    'required',
    ['required', 'optional'],
    'With VITRINE_TLS_CLIENT_CA_FILE. required: a caller without a certificate is refused. optional: it is let in and needs an API key like everybody else, for probes that have none. One that cannot be verified is refused either way.',
  ),
  tlsCaFile: text(
    'VITRINE_TLS_CA_FILE',
    '',
    'PEM file with the authorities that the launcher, the commands and the page’s questions to stores believe, as ca.crt of "vitrine certificates". Empty: the system’s authorities, and the service’s own certificate.',
  ),
  storeScheme: choice(
    'VITRINE_STORE_SCHEME',
    'http',
    ['http', 'https'],
    'How the Collector, the page and the commands ask the stores and Alertmanager.',
  ),
  storeCaFile: text(
    'VITRINE_STORE_CA_FILE',
    '',
    'PEM file with the authorities of the stores; the Collector reads it too. Empty: the page and the commands believe VITRINE_TLS_CA_FILE.',
  ),
  tlsMinVersion: choice(
    'VITRINE_TLS_MIN_VERSION',
    '1.3',
    ['1.3', '1.2'],
    'The oldest version of TLS that is spoken, in and out. 1.2 is for clients that cannot do better.',
  ),
  tlsHandshakeMsMax: integer(
    'VITRINE_TLS_HANDSHAKE_MS_MAX',
    10_000,
    100,
    120_000,
    'How long a caller may take from its connection to the end of the handshake; then it is cut off.',
  ),
} as const satisfies Record<string, Setting>;
