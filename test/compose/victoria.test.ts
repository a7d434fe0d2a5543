import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { component } from '../../launcher/components.ts';
import { standInsFor } from '../../launcher/ground/stand-in-images.ts';
import { servers } from '../../launcher/servers.ts';
import { readConfig } from '../../src/config.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

type Service = {
  image?: string;
  user?: string;
  command?: string[];
  environment?: Record<string, string>;
  networks?: string[];
  volumes?: string[];
  profiles?: string[];
  ports?: string[];
  healthcheck?: { test: string[]; interval: string; start_period: string };
  restart?: string;
  cap_drop?: string[];
  security_opt?: string[];
  cpu_shares?: number;
  deploy?: { resources: { limits: Record<string, string | number> } };
};

const over = parse(read('compose/victoria.yaml').replaceAll('!override', ''), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const names = ['victoriametrics', 'vmalert', 'vmalert-logs', 'jaeger', 'victorialogs'] as const;
const backends = 'victoriametrics,jaeger,victorialogs';

describe('compose/victoria.yaml', () => {
  for (const name of names) {
    const service = over.services[name]!;

    it(`gives ${name} a health check, limits and no more rights than it needs, and publishes no port`, () => {
      assert.deepEqual(
        [service.healthcheck?.test[0], service.healthcheck?.interval, service.healthcheck?.start_period],
        ['CMD', '10s', '180s'],
      );
      assert.ok(service.cpu_shares && service.deploy?.resources.limits.memory && service.deploy.resources.limits.pids);
      assert.equal(service.restart, 'unless-stopped');
      assert.deepEqual(service.cap_drop, ['ALL']);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
      assert.deepEqual(service.networks, ['stores']);
      assert.equal(service.ports, undefined);
      // Jaeger's image has a user of its own.
      assert.equal(service.user, name === 'jaeger' ? undefined : '65534:65534');
    });

    it(`mounts into ${name} only what exists`, () => {
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        assert.ok(source.startsWith('./') ? existsSync(join(root, source)) : source in over.volumes, source);
      }
    });

    it(`starts ${name} with the flags of the native stack`, () => {
      const config = readConfig({ VITRINE_BACKENDS: backends });
      const nameOf = (flag: string) => flag.replace(/^-+/, '').split('=')[0]!;
      const native = component(name).parameters({ root, data: '/data', config });
      assert.deepEqual((service.command ?? []).map(nameOf).sort(), native.map(nameOf).sort());
      // What names neither an address nor a path is the same to the letter.
      const fixed = (flags: string[]) => flags.filter((flag) => !/[/]|Addr=|url=/i.test(flag)).sort();
      assert.deepEqual(fixed(service.command ?? []), fixed(native));
    });
  }

  it('runs the versions that the native stack is built from, as the images that are made here', () => {
    const made = standInsFor(backends).map(({ name }) => name);
    for (const name of names) assert.ok(made.includes(over.services[name]?.image ?? ''), over.services[name]?.image);
    assert.ok(over.services.victoriametrics?.image?.endsWith(`:v${servers.victoriametrics.version}`));
    assert.ok(over.services.vmalert?.image?.endsWith(`:v${servers.victoriametrics.version}`));
    assert.ok(over.services.victorialogs?.image?.endsWith(`:v${servers.victorialogs.version}`));
    // Jaeger's module v1.76.0 is the release 2.13.0.
    assert.deepEqual([servers.jaeger.version, over.services.jaeger?.image], ['1.76.0', 'jaegertracing/jaeger:2.13.0']);
  });

  it('names the stores to the service and the Collector, and leaves the first set out unless asked', () => {
    for (const name of ['service', 'service-gpu', 'collector']) {
      const { VITRINE_BACKENDS: given, ...hosts } = over.services[name]?.environment ?? {};
      assert.equal(given, `\${VITRINE_BACKENDS:-${backends}}`);
      for (const [key, host] of Object.entries(hosts)) assert.equal(key, `VITRINE_${host.toUpperCase()}_HOST`);
      assert.equal(Object.keys(hosts).length, 3);
    }
    for (const name of ['prometheus', 'tempo', 'loki']) assert.deepEqual(over.services[name]?.profiles, ['first']);
  });
});
