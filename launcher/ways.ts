import type { Config } from '../src/config.ts';
import { ownCertificate, storeTrust, type Trust } from '../src/tls/trust.ts';
import type { Way } from './ask-port.ts';
import { encryptsAll } from './certificates/certificate-files.ts';
import { backendNames, type PortSetting } from './components.ts';

/** Whose ports share their encryption. */
type Side = 'service' | 'collector' | 'health' | 'stores';

/** Of each side whose ports speak TLS, what it takes to ask them. */
export type StackTls = Partial<Readonly<Record<Side, Trust>>>;

const sides: Partial<Readonly<Record<PortSetting, Side>>> = {
  servicePort: 'service',
  grpcPort: 'service',
  receiverPort: 'service',
  collectorHealthPort: 'health',
  otlpGrpcPort: 'collector',
  otlpHttpPort: 'collector',
  prometheusPort: 'stores',
  tempoPort: 'stores',
  lokiPort: 'stores',
  alertmanagerPort: 'stores',
  victoriametricsPort: 'stores',
  victorialogsPort: 'stores',
  jaegerPort: 'stores',
};

/**
 * The only place where the launcher and the commands learn how a port is asked: its scheme, whom to
 * believe, and what to present.
 */
export function wayTo(setting: PortSetting, port: number, tls: StackTls, host = '127.0.0.1'): Way {
  const side = sides[setting];
  const trust = side && tls[side];
  return { url: `${trust ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`, trust };
}

/** For an address that somebody names: whom the settings believe, and what they present. */
export function callerTrust(config: Config): Trust {
  return { authorities: config.tlsCaFile === '' ? [] : [config.tlsCaFile], certificate: ownCertificate(config) };
}

/** As the settings say. */
export function stackTls(config: Config, env: NodeJS.ProcessEnv): StackTls {
  const { tlsCertFile, tlsClientCaFile, tlsCaFile } = config;
  const own = ownCertificate(config);
  const stores = storeTrust(config);
  const believing = (...files: readonly (string | undefined)[]) =>
    files.filter((file) => file !== undefined && file !== '') as string[];
  const { OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file = '', OTEL_EXPORTER_OTLP_CLIENT_KEY: key = '' } = env;
  const collector = {
    authorities: believing(env.OTEL_EXPORTER_OTLP_CERTIFICATE, env.VITRINE_COLLECTOR_TLS_CERT_FILE, tlsCaFile),
    certificate: file === '' ? own : { file, key },
  };
  return {
    // The certificate that the port has is the one that these files name.
    ...(own && {
      service: {
        authorities: believing(tlsCertFile, tlsCaFile),
        certificate: tlsClientCaFile === '' ? undefined : own,
      },
    }),
    ...(backendNames(config).includes('tls') && { collector }),
    ...(encryptsAll(config) && { health: collector }),
    ...(stores && { stores }),
  };
}
