import { port, type Setting, text } from './setting.ts';

/** How the replicas of a database ask each other: docs/replicas.md. */
export const replicaSettings = {
  replicaPort: port(
    'VITRINE_REPLICA_PORT',
    0,
    'Port on which the other replicas of VITRINE_DATABASE_URL ask this one what it remembers of requests. It serves nobody else. 0: replicas do not ask each other.',
  ),
  replicaAddress: text(
    'VITRINE_REPLICA_ADDRESS',
    '',
    'Host name or address by which the other replicas reach that port. Empty: VITRINE_BIND where that is one address, else the name of the machine. In Kubernetes, the address of the pod.',
  ),
  replicaSecretFile: text(
    'VITRINE_REPLICA_SECRET_FILE',
    '',
    'File with the secret that all replicas share, of 16 characters at least: it proves that a question comes from a replica. Needed with VITRINE_REPLICA_PORT unless certificates prove it.',
  ),
  replicaTlsCertFile: text(
    'VITRINE_REPLICA_TLS_CERT_FILE',
    '',
    'PEM file with the certificate by which replicas prove to each other who they are, as server and as client. Given with its key and authority, that port speaks mutual TLS only.',
  ),
  replicaTlsKeyFile: text('VITRINE_REPLICA_TLS_KEY_FILE', '', 'PEM file with the private key of that certificate.'),
  replicaTlsCaFile: text(
    'VITRINE_REPLICA_TLS_CA_FILE',
    '',
    'PEM file with the authority of the replicas’ certificates. A program with a certificate of this authority counts as a replica.',
  ),
} as const satisfies Record<string, Setting>;
