import type { Counter, Meter } from '../../telemetry/meter.ts';
import { attribute } from '../../telemetry/names/names.ts';
import { logOrSum } from '../log-or-sum.ts';

/** Why no connection came about, and what to do about it. */
export const handshakeFailures = {
  no_certificate: {
    says: 'the caller has no client certificate',
    remedy: 'present one of an authority in VITRINE_TLS_CLIENT_CA_FILE',
  },
  wrong_authority: {
    says: 'the client certificate is of an authority that is not known here',
    remedy: 'present one of an authority in VITRINE_TLS_CLIENT_CA_FILE',
  },
  expired: { says: 'the client certificate has expired', remedy: 'replace it' },
  not_yet_valid: { says: 'the client certificate is not yet valid', remedy: 'look at the clocks, or replace it' },
  wrong_purpose: {
    says: 'the certificate is not for clients',
    remedy: 'present one whose extended key usage has clientAuth',
  },
  bad_certificate: { says: 'the client certificate cannot be verified', remedy: 'replace it' },
  plain_http: {
    says: 'the caller speaks plain HTTP and the port speaks HTTPS only',
    remedy: 'use https:// (gRPC: a secure channel)',
  },
  not_tls: { says: 'what the caller speaks is not TLS', remedy: 'use https://' },
  tls_on_plain_port: {
    says: 'the caller speaks TLS and the port speaks plain HTTP',
    remedy: 'use http:// (gRPC: an insecure channel), or give the port a certificate (VITRINE_TLS_CERT_FILE)',
  },
  old_version: {
    says: 'the caller speaks an older TLS than is taken',
    remedy: 'bring the client up to date, or set VITRINE_TLS_MIN_VERSION',
  },
  no_common_protocol: {
    says: 'the caller does not speak the protocol of the port (ALPN)',
    remedy: 'gRPC is on the port of VITRINE_GRPC_PORT, HTTP/1.1 on the other ports',
  },
  no_common_cipher: { says: 'caller and port have no cipher in common', remedy: 'bring the client up to date' },
  distrusted: {
    says: 'the caller does not know the authority of our certificate',
    remedy: 'give the client the authority’s file (ca.crt)',
  },
  ours_expired: {
    says: 'our certificate has expired, or is not yet valid, says the caller',
    remedy: 'replace the files of VITRINE_TLS_CERT_FILE and VITRINE_TLS_KEY_FILE',
  },
  ours_refused: {
    says: 'the caller refuses our certificate, for its name or another reason',
    remedy: 'use a name that the certificate has, or give it the name',
  },
  too_slow: {
    says: 'the handshake was not done in time',
    remedy: 'VITRINE_TLS_HANDSHAKE_MS_MAX says how long it may take',
  },
  broken_off: { says: 'the caller left during the handshake', remedy: 'look at the client’s own log: it says why' },
  other: { says: 'the handshake failed', remedy: 'look at the client’s own log' },
} as const satisfies Record<string, { says: string; remedy: string }>;

export type HandshakeFailure = keyof typeof handshakeFailures;

/** Counts and logs connections that could not be made secure. */
export class HandshakeFailures {
  readonly #counter: Counter<'tlsHandshakeFailures'>;

  constructor(meter: Meter) {
    this.#counter = meter.counter('tlsHandshakeFailures');
    for (const reason of Object.keys(handshakeFailures) as HandshakeFailure[]) this.#counter.series(reason);
  }

  /** Answers the sentence for the caller. */
  report(reason: HandshakeFailure, address: string, detail?: string): string {
    this.#counter.series(reason).value += 1;
    const { says, remedy } = handshakeFailures[reason];
    const sentence = `Cannot take the connection: ${says}; ${remedy}.`;
    logOrSum(
      sentence,
      {
        event_type: 'connection_refused',
        [attribute.errorType]: reason,
        [attribute.clientAddress]: address,
        ...(detail !== undefined && { [attribute.tlsError]: detail }),
      },
      address,
    );
    return sentence;
  }
}

/** What OpenSSL calls it. */
export function reasonOfError({ code = '' }: NodeJS.ErrnoException): HandshakeFailure {
  if (/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|PROTOCOL_VERSION|WRONG_SSL_VERSION/.test(code)) return 'old_version';
  if (/NO_APPLICATION_PROTOCOL/.test(code)) return 'no_common_protocol';
  if (/NO_SHARED_CIPHER|NO_SUITABLE|HANDSHAKE_FAILURE/.test(code)) return 'no_common_cipher';
  if (/ALERT_UNKNOWN_CA/.test(code)) return 'distrusted';
  if (/ALERT_CERTIFICATE_EXPIRED/.test(code)) return 'ours_expired';
  if (
    /ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|UNRECOGNIZED_NAME)/.test(
      code,
    )
  )
    return 'ours_refused';
  if (/HTTP_REQUEST|HTTPS_PROXY_REQUEST/.test(code)) return 'plain_http';
  if (/WRONG_VERSION_NUMBER|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE|PACKET_LENGTH/.test(code)) return 'not_tls';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'broken_off' : 'other';
}

/** What OpenSSL calls what is wrong with a client certificate. */
export function reasonOfCertificate(code: string): HandshakeFailure {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'expired';
    case 'CERT_NOT_YET_VALID':
      return 'not_yet_valid';
    case 'INVALID_PURPOSE':
      return 'wrong_purpose';
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'INVALID_CA':
      return 'wrong_authority';
    default:
      return 'bad_certificate';
  }
}
