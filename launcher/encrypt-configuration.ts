import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, isMap, isSeq, parseDocument, stringify } from 'yaml';
import type { Config } from '../src/config.ts';
import {
  authorityOf,
  certificateOf,
  encryptsAll,
  servesMadeCertificate,
  webFileOf,
} from './certificates/certificate-files.ts';
import type { ComponentName } from './components.ts';

type Encrypt = (document: Document, of: { data: string; config: Config }) => void;

/** What rendered files need for VITRINE_TLS=all; other servers have it by settings or flags. */
const encrypted: Partial<Readonly<Record<ComponentName, Encrypt>>> = {
  prometheus: (document, { data }) => {
    const tls = { scheme: 'https', tls_config: { ca_file: authorityOf(data) } };
    for (const path of [['scrape_configs'], ['alerting', 'alertmanagers']]) {
      const all = document.getIn(path);
      for (const [at, one] of isSeq(all) ? all.items.entries() : []) {
        // The Collector's exporter of its own metrics speaks no TLS; its port stays on loopback.
        if (isMap(one) && one.get('job_name') === 'collector') continue;
        for (const [key, value] of Object.entries(tls)) document.setIn([...path, at, key], document.createNode(value));
      }
    }
  },
  tempo: (document, { data }) => {
    const { certificate, key } = certificateOf('tempo', data);
    const files = { cert_file: certificate, key_file: key };
    document.setIn(['server', 'http_tls_config'], document.createNode(files));
    const receiver = ['distributor', 'receivers', 'otlp', 'protocols', 'grpc', 'tls'];
    document.setIn(receiver, document.createNode({ ...files, reload_interval: '10s' }));
  },
};

/** Changes a component’s rendered files; Prometheus and Alertmanager get one for their port. */
export async function encryptConfiguration(name: ComponentName, of: { data: string; config: Config }): Promise<void> {
  const { data, config } = of;
  const file = join(data, name, 'configuration', `${name}.yaml`);
  const encrypt = encryptsAll(config) ? encrypted[name] : undefined;
  if (encrypt) await change(file, (document) => encrypt(document, of));
  if (name === 'alertmanager' && config.tlsCertFile !== '') {
    const tls = await webhookTls(of);
    await change(file, (document) => encryptWebhook(document, tls));
  }
  if (!encryptsAll(config) || (name !== 'prometheus' && name !== 'alertmanager')) return;
  const { certificate: cert_file, key: key_file } = certificateOf(name, data);
  const web = { tls_server_config: { cert_file, key_file, min_version: 'TLS13' } };
  await writeFile(webFileOf(name, data), stringify(web));
}

/** What Alertmanager needs to reach a receiver that speaks TLS. */
async function webhookTls({ data, config }: { data: string; config: Config }): Promise<object> {
  const { tlsCertFile, tlsKeyFile, tlsClientCaFile } = config;
  const certificate = new X509Certificate(await readFile(tlsCertFile));
  const name = /DNS:([^,"]+)/.exec(certificate.subjectAltName ?? '')?.[1]?.replace('*', 'vitrine');
  return {
    // The receiver has the certificate of the setting, which is believed itself.
    ca_file: servesMadeCertificate(config, data) ? authorityOf(data) : tlsCertFile,
    ...(certificate.checkIP('127.0.0.1') === undefined && name !== undefined && { server_name: name }),
    ...(tlsClientCaFile !== '' && { cert_file: tlsCertFile, key_file: tlsKeyFile }),
  };
}

function encryptWebhook(document: Document, tls: object): void {
  // The other receivers are aliases of the first one's.
  const webhook = ['receivers', 0, 'webhook_configs', 0];
  const url = String(document.getIn([...webhook, 'url']));
  document.setIn([...webhook, 'url'], url.replace('http:', 'https:'));
  document.setIn([...webhook, 'http_config', 'tls_config'], document.createNode(tls));
}

async function change(file: string, edit: (document: Document) => void): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'));
  edit(document);
  await writeFile(file, document.toString({ lineWidth: 0 }));
}
