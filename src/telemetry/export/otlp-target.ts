import { type ChannelCredentials, credentials, Metadata } from '@grpc/grpc-js';
import type { Config } from '../../config.ts';
import { CertificateFiles } from '../../tls/certificate-files.ts';
import { credentialsOf } from './certificate-provider.ts';
import { type OtlpSettings, otlpSettings } from './otlp-settings.ts';
import { type Signal, signals } from './signals.ts';

/** Where the Collector is, for a gRPC client. */
export type OtlpTarget = Pick<OtlpSettings, 'target' | 'isSecure' | 'compression' | 'timeoutMs'> & {
  readonly credentials: ChannelCredentials;
  readonly metadata: Metadata;
};

/**
 * One for each signal; http is plain, https is TLS. The files of each are read again when they
 * change.
 */
export class OtlpTargets {
  readonly #targets: Readonly<Record<Signal, OtlpTarget>>;
  readonly #files: readonly CertificateFiles[];

  private constructor(targets: Record<Signal, OtlpTarget>, files: readonly CertificateFiles[]) {
    this.#targets = targets;
    this.#files = files;
  }

  /** Ends the start at a setting, or a file, that cannot be used. */
  static async open(
    config: Config,
    env: Readonly<Record<string, string | undefined>> = process.env,
    lookAgainMs?: number,
  ): Promise<OtlpTargets> {
    const files: CertificateFiles[] = [];
    const opened = signals.map(async (signal): Promise<[Signal, OtlpTarget]> => {
      const settings = otlpSettings(signal, config, env);
      const { authority, certificate, key, headers, isSecure } = settings;
      const metadata = new Metadata();
      for (const [name, value] of headers) metadata.set(name, value);
      if (!isSecure) return [signal, { ...settings, metadata, credentials: credentials.createInsecure() }];
      const own = await CertificateFiles.open(
        { of: `the way of ${signal} to the Collector`, authority, certificate, key },
        lookAgainMs === undefined ? {} : { lookAgainMs },
      );
      files.push(own);
      return [signal, { ...settings, metadata, credentials: credentialsOf(own) }];
    });
    return new OtlpTargets(Object.fromEntries(await Promise.all(opened)) as Record<Signal, OtlpTarget>, files);
  }

  of(signal: Signal): OtlpTarget {
    return this.#targets[signal];
  }

  /** For health: what a person has to see to. */
  get trouble(): string | undefined {
    return this.#files.map(({ trouble }) => trouble).find((one) => one !== undefined);
  }

  [Symbol.dispose](): void {
    for (const each of this.#files) each[Symbol.dispose]();
  }
}
