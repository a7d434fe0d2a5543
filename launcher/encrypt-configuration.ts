import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Document, isMap, isSeq, parseDocument, stringify } from 'yaml';
import { authorityOf, type CertificateFile, certificateOf, webFileOf } from './certificates/certificate-files.ts';
import type { ComponentName } from './components.ts';

type Encryption = { readonly own: CertificateFile; readonly authority: string };

/** What rendered files need for VITRINE_TLS=all; other servers have it by settings or flags. */
const encrypted: Partial<Readonly<Record<ComponentName, (document: Document, encryption: Encryption) => void>>> = {
  prometheus: (document, { authority }) => {
    const tls = { scheme: 'https', tls_config: { ca_file: authority } };
    for (const path of [['scrape_configs'], ['alerting', 'alertmanagers']]) {
      const all = document.getIn(path);
      for (const [at, one] of isSeq(all) ? all.items.entries() : []) {
        // The Collector's exporter of its own metrics speaks no TLS; its port stays on loopback.
        if (isMap(one) && one.get('job_name') === 'collector') continue;
        for (const [key, value] of Object.entries(tls)) document.setIn([...path, at, key], document.createNode(value));
      }
    }
  },
  alertmanager: (document, { authority }) => {
    // The other receivers are aliases of the first one's.
    const webhook = ['receivers', 0, 'webhook_configs', 0];
    const url = String(document.getIn([...webhook, 'url']));
    document.setIn([...webhook, 'url'], url.replace('http:', 'https:'));
    document.setIn([...webhook, 'http_config', 'tls_config'], document.createNode({ ca_file: authority }));
  },
  tempo: (document, { own: { certificate, key } }) => {
    const files = { cert_file: certificate, key_file: key };
    document.setIn(['server', 'http_tls_config'], document.createNode(files));
    const receiver = ['distributor', 'receivers', 'otlp', 'protocols', 'grpc', 'tls'];
    document.setIn(receiver, document.createNode({ ...files, reload_interval: '10s' }));
  },
};

/** Changes a component’s rendered files; Prometheus and Alertmanager get one for their port. */
export async function encryptConfiguration(name: ComponentName, data: string): Promise<void> {
  const encrypt = encrypted[name];
  if (encrypt === undefined) return;
  const folder = join(data, name, 'configuration');
  const file = join(folder, `${name}.yaml`);
  const document = parseDocument(await readFile(file, 'utf8'));
  const encryption = { own: certificateOf(name, data), authority: authorityOf(data) };
  encrypt(document, encryption);
  await writeFile(file, document.toString({ lineWidth: 0 }));
  const { certificate: cert_file, key: key_file } = encryption.own;
  if (name === 'tempo') return;
  await writeFile(
    webFileOf(name, data),
    stringify({ tls_server_config: { cert_file, key_file, min_version: 'TLS13' } }),
  );
}
