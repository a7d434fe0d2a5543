import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import { createSecureServer, type ServerOptions as Http2Options, type Http2SecureServer } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import {
  createSecureContext,
  type SecureContextOptions,
  TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import type { Config } from '../../config.ts';
import { type FailureCode, ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import type { Meter } from '../../telemetry/meter.ts';
import { CertificateFiles, type Certificates, named } from '../../tls/certificate-files.ts';
import { rememberNames } from './certificate-names.ts';
import { onFirstByte } from './first-byte.ts';
import { type HandshakeFailure, HandshakeFailures, reasonOfCertificate, reasonOfError } from './handshake-failures.ts';

type TlsConfig = Pick<
  Config,
  'tlsCertFile' | 'tlsKeyFile' | 'tlsClientCaFile' | 'tlsClientCertificates' | 'tlsMinVersion' | 'tlsHandshakeMsMax'
>;

/** Answers a connection on which nothing became a request, and closes it. */
export type RefuseConnection = (socket: Socket, code: FailureCode, message: string) => void;

/** How long a caller that is refused is listened to, so that it sees why. */
export const refusalMs = 1000;

/**
 * How the ports of this process are made secure. `createHttps` makes the server for HTTP/1.1,
 * `createHttp2` the one for HTTP/2; both take up changed files.
 */
export class ServerTls {
  readonly failures: HandshakeFailures;
  readonly #config: TlsConfig;
  readonly #files: CertificateFiles | undefined;

  private constructor(config: TlsConfig, failures: HandshakeFailures, files: CertificateFiles | undefined) {
    this.#config = config;
    this.failures = failures;
    this.#files = files;
  }

  /** Ends the start where the files of VITRINE_TLS_* cannot be used. */
  static async open(config: TlsConfig, meter: Meter): Promise<ServerTls> {
    const failures = new HandshakeFailures(meter);
    const files = await openFiles(config);
    const tls = new ServerTls(config, failures, files);
    meter.gauge('tlsCertificateEnd', (observe) => {
      const { notAfter } = files?.now ?? {};
      if (notAfter !== undefined) observe(notAfter.getTime() / 1000);
    });
    return tls;
  }

  /** Whether ports speak TLS. */
  get on(): boolean {
    return this.#files !== undefined;
  }

  /** The same process on a connection without TLS. */
  get plain(): ServerTls {
    return new ServerTls(this.#config, this.failures, undefined);
  }

  /** The same process on a port with certificates of its own. */
  with(files: CertificateFiles, { clientCertificates }: { clientCertificates: boolean }): ServerTls {
    const tlsClientCaFile = clientCertificates ? (files.paths.authority?.file ?? '') : '';
    return new ServerTls({ ...this.#config, tlsClientCaFile, tlsClientCertificates: 'required' }, this.failures, files);
  }

  /** For health: what a person has to see to. */
  get trouble(): string | undefined {
    return this.#files?.trouble;
  }

  /** For the line at the start. */
  get note(): string | undefined {
    if (!this.on) return undefined;
    const { tlsMinVersion, tlsClientCaFile, tlsClientCertificates } = this.#config;
    const version = tlsMinVersion === '1.3' ? 'TLS 1.3' : `TLS ${tlsMinVersion} or newer`;
    return tlsClientCaFile === '' ? version : `${version}, client certificates ${tlsClientCertificates}`;
  }

  /**
   * The options of a TLS server. `swap` gets them again when the files have changed: connections that
   * are open go on, new ones get the new certificate.
   */
  #options(swap: (context: SecureContextOptions) => void): TlsOptions {
    const files = this.#files;
    if (files === undefined) throw new Error('There are no certificates: ask `on` first');
    files.onChange((certificates) => swap(this.#contextOf(certificates)));
    return {
      ...this.#contextOf(files.now),
      requestCert: this.#config.tlsClientCaFile !== '',
      // Looked at by `refusalOf`, which can say why.
      rejectUnauthorized: false,
      handshakeTimeout: this.#config.tlsHandshakeMsMax + 1000,
    };
  }

  /** Why the peer of a connection whose handshake is done must not come in; undefined: it may. */
  refusalOf(socket: TLSSocket): HandshakeFailure | undefined {
    const { tlsClientCaFile, tlsClientCertificates } = this.#config;
    if (tlsClientCaFile === '') return undefined;
    if (socket.getPeerX509Certificate() === undefined)
      return tlsClientCertificates === 'required' ? 'no_certificate' : undefined;
    if (socket.authorized) return undefined;
    return reasonOfCertificate(String(socket.authorizationError));
  }

  /** The server for HTTP/1.1 over TLS; connections that may not come in are answered by `refuse`. */
  createHttps(
    options: ServerOptions,
    listener: (request: IncomingMessage, response: ServerResponse) => void,
    refuse: RefuseConnection,
  ): Server {
    const server = createServer(
      { ...options, ...this.#options((context) => server.setSecureContext(context)), ALPNProtocols: ['http/1.1'] },
      listener,
    );
    this.#watchHandshakes(server, refuse);
    return server;
  }

  /** The same for HTTP/2. */
  createHttp2(options: Http2Options, refuse: RefuseConnection): Http2SecureServer {
    const server = createSecureServer({
      ...options,
      ...this.#options((context) => server.setSecureContext(context)),
      ALPNProtocols: http2Only,
    });
    // Who offers another protocol is refused by the handshake; who offers none at all comes to here.
    server.on('unknownProtocol', (socket: TLSSocket) =>
      endWith(socket, this.failures.report('no_common_protocol', socket.remoteAddress ?? 'unknown')),
    );
    this.#watchHandshakes(server, refuse);
    return server;
  }

  /** Answers a connection that is refused before its handshake, by way of the handshake. */
  answer(socket: Socket, text: string, { http2 = false }: { http2?: boolean } = {}): void {
    const certificates = this.#files?.now ?? {};
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: createSecureContext(this.#contextOf(certificates)),
      ...(http2 && { ALPNProtocols: http2Only }),
    });
    secure.on('error', () => socket.destroy());
    secure.resume();
    secure.end(text);
  }

  [Symbol.dispose](): void {
    this.#files?.[Symbol.dispose]();
  }

  /** Every handshake has its time, and each that fails its reason. */
  #watchHandshakes(server: TlsServer, refuse: RefuseConnection): void {
    const handshakes = takeListeners<Socket>(server, 'connection');
    const connections = takeListeners<TLSSocket>(server, 'secureConnection');
    const begun = new Map<string, Handshake>();
    server.on('connection', (socket: Socket) => {
      const handshake = this.#begin(socket, begun);
      onFirstByte(socket, (spoken) => {
        handshake.saidSomething = true;
        if (spoken === 'tls') handshakes(socket);
        else {
          handshake.isOver = true;
          const message = this.failures.report(spoken === 'http' ? 'plain_http' : 'not_tls', handshake.address);
          refuse(socket, 'wrong_protocol', message);
        }
      });
    });
    // First, as the server's own listener closes the connection.
    server.prependListener('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const handshake = begun.get(keyOf(socket));
      // One that only broke off is reported when it closes.
      if (handshake === undefined || handshake.isOver || reasonOfError(error) === 'broken_off') return;
      handshake.isOver = true;
      this.failures.report(reasonOfError(error), handshake.address, error.code);
    });
    server.on('secureConnection', (socket) => {
      const handshake = begun.get(keyOf(socket));
      if (handshake !== undefined) handshake.isOver = true;
      clearTimeout(handshake?.overtime);
      const reason = this.refusalOf(socket);
      if (reason === undefined) {
        rememberNames(socket);
        connections(socket);
        return;
      }
      const message = this.failures.report(reason, handshake?.address ?? 'unknown');
      socket.on('error', () => socket.destroy());
      refuse(socket, 'certificate_refused', message);
    });
  }

  #begin(socket: Socket, begun: Map<string, Handshake>): Handshake {
    const key = keyOf(socket);
    const handshake: Handshake = {
      address: socket.remoteAddress ?? 'unknown',
      saidSomething: false,
      isOver: false,
      overtime: setTimeout(() => {
        handshake.isOver = true;
        this.failures.report('too_slow', handshake.address);
        socket.destroy();
      }, this.#config.tlsHandshakeMsMax).unref(),
    };
    begun.set(key, handshake);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(handshake.overtime);
      begun.delete(key);
      // Who only looks whether the port is open has failed at nothing.
      if (!handshake.isOver && handshake.saidSomething) this.failures.report('broken_off', handshake.address);
    });
    return handshake;
  }

  #contextOf({ cert, key, ca }: Certificates): SecureContextOptions {
    const { tlsMinVersion } = this.#config;
    return { cert, key, ...(ca && { ca }), minVersion: `TLSv${tlsMinVersion as '1.2' | '1.3'}` };
  }
}

const http2Only = ['h2'];

/** What a port of this process speaks. */
export function schemeOf({ on }: Pick<ServerTls, 'on'>): 'http' | 'https' {
  return on ? 'https' : 'http';
}

type Handshake = {
  readonly address: string;
  readonly overtime: NodeJS.Timeout;
  saidSomething: boolean;
  /** It came to an end, good or bad, and that was reported. */
  isOver: boolean;
};

/** The same for a connection and for its secure form. */
function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** Takes the listeners of a server out, and answers what calls them. */
function takeListeners<On extends Socket>(server: TlsServer, event: string): (socket: On) => void {
  const listeners = server.listeners(event) as ((socket: On) => void)[];
  server.removeAllListeners(event);
  return (socket) => {
    for (const listener of listeners) listener.call(server, socket);
  };
}

/**
 * Its bytes are discarded: closed with unread bytes, it would be reset before the answer arrives.
 */
export function endWith(socket: Socket, text: string): void {
  const overtime = setTimeout(() => socket.destroy(), refusalMs).unref();
  socket.once('close', () => clearTimeout(overtime));
  socket.resume();
  socket.end(text);
}

async function openFiles(config: TlsConfig): Promise<CertificateFiles | undefined> {
  const { tlsCertFile, tlsKeyFile, tlsClientCaFile } = config;
  if (tlsCertFile === '' && tlsKeyFile === '') {
    if (tlsClientCaFile === '') return undefined;
    throw new ServiceError(
      'invalid_setting',
      say`Cannot use VITRINE_TLS_CLIENT_CA_FILE alone: client certificates need a port that speaks TLS; give VITRINE_TLS_CERT_FILE and VITRINE_TLS_KEY_FILE too.`,
    );
  }
  return CertificateFiles.open({
    of: 'the port',
    certificate: named(tlsCertFile, 'VITRINE_TLS_CERT_FILE'),
    key: named(tlsKeyFile, 'VITRINE_TLS_KEY_FILE'),
    authority: named(tlsClientCaFile, 'VITRINE_TLS_CLIENT_CA_FILE'),
  });
}
