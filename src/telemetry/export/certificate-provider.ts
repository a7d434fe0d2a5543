import { getCACertificates } from 'node:tls';
import { type ChannelCredentials, experimental } from '@grpc/grpc-js';
import type { CertificateFiles } from '../../tls/certificate-files.ts';

type Provider = experimental.CertificateProvider;

/**
 * Credentials of a gRPC client that go by files, and by changed files from the next connection on.
 * gRPC's own watcher of files takes a certificate whose key has not come yet.
 */
export function credentialsOf(files: CertificateFiles): ChannelCredentials {
  const provider = new FilesAsProvider(files);
  return experimental.createCertificateProviderChannelCredentials(
    provider,
    files.paths.certificate === undefined ? null : provider,
  );
}

class FilesAsProvider implements Provider {
  readonly #files: CertificateFiles;
  readonly #forget = new Map<object, () => void>();

  constructor(files: CertificateFiles) {
    this.#files = files;
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#add(listener, () => {
      const { ca } = this.#files.now;
      listener({ caCertificate: ca ?? Buffer.from(getCACertificates('default').join('\n')) });
    });
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#add(listener, () => {
      const { cert, key } = this.#files.now;
      listener(cert && key ? { certificate: cert, privateKey: key } : null);
    });
  }

  removeCaCertificateListener(listener: object): void {
    this.#remove(listener);
  }

  removeIdentityCertificateListener(listener: object): void {
    this.#remove(listener);
  }

  #add(listener: object, hand: () => void): void {
    process.nextTick(hand);
    this.#forget.set(listener, this.#files.onChange(hand));
  }

  #remove(listener: object): void {
    this.#forget.get(listener)?.();
    this.#forget.delete(listener);
  }
}
