import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
import { log } from '../telemetry/logger.ts';

/** A file and the setting that names it. */
export type NamedFile = { readonly file: string; readonly setting: string };

/** Undefined where the setting is empty. */
export function named(file: string, setting: string): NamedFile | undefined {
  return file === '' ? undefined : { file, setting };
}

export type CertificatePaths = {
  /** What it is for, as a person reads it: "the port", "the way to the Collector". */
  readonly of: string;
  /** Both or neither. */
  readonly certificate?: NamedFile | undefined;
  readonly key?: NamedFile | undefined;
  /** Whose certificates are believed. */
  readonly authority?: NamedFile | undefined;
};

/** What the files say, checked: the key belongs to the certificate, and every part can be read. */
export type Certificates = {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ca?: Buffer;
  /** When the first of the certificates ends. */
  readonly notAfter?: Date;
};

/** The certificates in use differ from the files, which cannot be used. */
export type StaleCertificates = { readonly since: Date; readonly reason: string };

const warnBeforeMs = 7 * 24 * 3600 * 1000;

/**
 * The certificates in files, and again when they have changed. A change that cannot be used (a
 * certificate whose key has not come yet) is logged and leaves the ones before in use. It is tried
 * again at each look.
 */
export class CertificateFiles {
  readonly paths: CertificatePaths;
  #now: Certificates;
  /** What the files looked like before they were read; only usable ones are remembered. */
  #mark: string;
  #watch: NodeJS.Timeout | undefined;
  #stale: StaleCertificates | undefined;
  #isLooking = false;
  readonly #listeners = new Set<(certificates: Certificates) => void>();

  private constructor(paths: CertificatePaths, now: Certificates, mark: string) {
    this.paths = paths;
    this.#now = now;
    this.#mark = mark;
  }

  /** Ends the start where they cannot be used. */
  static async open(
    paths: CertificatePaths,
    { lookAgainMs = 2000 }: { lookAgainMs?: number } = {},
  ): Promise<CertificateFiles> {
    refuseHalf(paths);
    try {
      const mark = await markOf(paths);
      const files = new CertificateFiles(paths, await readCertificates(paths), mark);
      files.#watch = setInterval(() => void files.#lookAgain(), lookAgainMs).unref();
      return files;
    } catch (cause) {
      const { setting } = (cause as Partial<Unusable>).of ??
        Object.values(paths).find((one) => typeof one === 'object') ?? { setting: '' };
      throw new ServiceError(
        'invalid_setting',
        say`Cannot use ${setting}: ${reasonOf(cause)}; name PEM files that belong together.`,
        { cause },
      );
    }
  }

  get now(): Certificates {
    return this.#now;
  }

  /** Undefined while the certificates in use equal the files. */
  get stale(): StaleCertificates | undefined {
    return this.#stale;
  }

  /** What a person should know, in a sentence; undefined: nothing. */
  get trouble(): string | undefined {
    if (this.#stale !== undefined)
      return `The certificates of ${this.paths.of} are not the ones in the files: these have not been usable since ${this.#stale.since.toISOString()}; the security log says why.`;
    const { notAfter } = this.#now;
    if (notAfter === undefined || notAfter.getTime() - Date.now() > warnBeforeMs) return undefined;
    const ended = notAfter.getTime() < Date.now();
    return `The certificate of ${this.paths.of} ${ended ? 'ended' : 'ends'} ${notAfter.toISOString()}; replace it.`;
  }

  /** Hears of each change that can be used. */
  onChange(listener: (certificates: Certificates) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }

  async #lookAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const mark = await markOf(this.paths);
      if (mark !== this.#mark) {
        this.#now = await readCertificates(this.paths);
        this.#mark = mark;
        const until = this.#now.notAfter === undefined ? '' : `, valid until ${this.#now.notAfter.toISOString()}`;
        log('security', 'info', `The certificates of ${this.paths.of} were read again${until}`, {
          event_type: 'certificates_read',
        });
        for (const listener of this.#listeners) listener(this.#now);
      }
      this.#stale = undefined;
    } catch (error) {
      const reason = reasonOf(error);
      // Logged once, not at each look.
      if (reason !== this.#stale?.reason)
        log(
          'security',
          'error',
          `Cannot use the changed certificates of ${this.paths.of}: ${reason}; the ones before stay in use, and it is tried again.`,
          { event_type: 'certificates_unusable' },
        );
      this.#stale = { since: this.#stale?.since ?? new Date(), reason };
    } finally {
      this.#isLooking = false;
    }
  }
}

/** The file at fault, for the sentence that ends a start. */
class Unusable extends Error {
  readonly of: NamedFile;

  constructor(of: NamedFile, message: string, options?: ErrorOptions) {
    super(message, options);
    this.of = of;
  }
}

function refuseHalf({ certificate, key }: CertificatePaths): void {
  const given = certificate ?? key;
  if (given === undefined || (certificate !== undefined && key !== undefined)) return;
  throw new ServiceError(
    'invalid_setting',
    say`Cannot use ${given.setting} alone: a certificate and its private key belong together; give ${certificate ? 'the setting of its key' : 'the setting of its certificate'} too.`,
  );
}

/** Changes with each file, also when it is replaced, or when its clock does not move. */
async function markOf({ certificate, key, authority }: CertificatePaths): Promise<string> {
  const marks = [certificate, key, authority].map(async (named) => {
    if (named === undefined) return '';
    const { ino, size, mtimeNs } = await stat(named.file, { bigint: true }).catch((cause) => {
      throw new Unusable(named, `${named.setting} cannot be read (${codeOf(cause)})`, { cause });
    });
    return `${ino} ${size} ${mtimeNs}`;
  });
  return (await Promise.all(marks)).join();
}

async function readCertificates({ certificate, key, authority }: CertificatePaths): Promise<Certificates> {
  const [cert, privateKey, ca] = await Promise.all([certificate, key, authority].map(readNamed));
  const chain = certificate && cert ? parseAll(certificate, cert) : [];
  if (authority && ca) parseAll(authority, ca);
  if (key && privateKey && chain[0] && !chain[0].checkPrivateKey(parseKey(key, privateKey)))
    throw new Unusable(key, `the key of ${key.setting} does not belong to the certificate of ${certificate?.setting}`);
  const ends = chain.map(({ validToDate }) => validToDate.getTime());
  return {
    ...(cert && { cert }),
    ...(privateKey && { key: privateKey }),
    ...(ca && { ca }),
    ...(ends.length > 0 && { notAfter: new Date(Math.min(...ends)) }),
  };
}

async function readNamed(named: NamedFile | undefined): Promise<Buffer | undefined> {
  if (named === undefined) return undefined;
  try {
    return await readFile(named.file);
  } catch (cause) {
    throw new Unusable(named, `${named.setting} cannot be read (${codeOf(cause)})`, { cause });
  }
}

function parseAll(named: NamedFile, pem: Buffer): X509Certificate[] {
  const blocks = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Unusable(named, `the file of ${named.setting} has no certificate in PEM form`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new Unusable(named, `a certificate of ${named.setting} cannot be read`, { cause });
  }
}

function parseKey(named: NamedFile, pem: Buffer) {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new Unusable(named, `the file of ${named.setting} has no private key without a passphrase in PEM form`, {
      cause,
    });
  }
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'for no reason given';
}

function reasonOf(cause: unknown): string {
  return cause instanceof Unusable ? cause.message : 'they cannot be read';
}
