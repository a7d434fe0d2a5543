import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { component, nativeAddresses } from '../../launcher/components.ts';
import { readConfig, settings } from '../../src/config.ts';

// compose.yaml against everything it must agree with, without Docker. compose.stack.test.ts asks
// Compose itself.

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

type Service = {
  image?: string;
  build?: string | { context: string; dockerfile: string };
  command?: string[];
  environment?: Record<string, string | null>;
  ports?: string[];
  networks?: string[];
  volumes?: string[];
  healthcheck?: {
    test: string[];
    interval: string;
    timeout: string;
    start_period: string;
    start_interval?: string;
    retries: number;
  };
  restart?: string;
  cpu_shares?: number;
  cap_drop?: string[];
  security_opt?: string[];
  depends_on?: Record<string, { condition: string }>;
  profiles?: string[];
  deploy?: { resources: { limits?: Record<string, string | number>; reservations?: { devices: unknown[] } } };
};

const compose = parse(read('compose.yaml'), { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
};
const { services } = compose;
const config = readConfig({});

describe('compose.yaml', () => {
  for (const [name, service] of Object.entries(services)) {
    it(`gives ${name} a health check, limits, a restart policy and no more rights than it needs`, () => {
      assert.ok((service.healthcheck?.test.length ?? 0) > 1);
      assert.deepEqual(
        [service.healthcheck?.interval, service.healthcheck?.timeout, service.healthcheck?.start_period],
        ['10s', '10s', '180s'],
      );
      assert.equal(service.healthcheck?.retries, 3);
      const limits = service.deploy?.resources.limits;
      assert.ok(service.cpu_shares && limits?.memory && limits.pids, 'a limit is missing');
      // An engine refuses more processors than its machine has.
      assert.ok(limits.cpus === undefined || /^\$\{VITRINE_CPUS:-0\}$/.test(String(limits.cpus)));
      // Engines older than 25 refuse it.
      assert.equal(service.healthcheck?.start_interval, undefined);
      assert.equal(service.restart, 'unless-stopped');
      assert.deepEqual(service.cap_drop, ['ALL']);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
    });

    it(`pins the image of ${name}`, () => assertPinned(service.image));

    it(`mounts into ${name} only what exists`, () => {
      for (const volume of service.volumes ?? []) {
        // A file that may be another one is judged by the one it is unless set.
        const [source = ''] = volume.replace(/^\$\{\w+:-([^}]+)\}/, '$1').split(':');
        if (source.startsWith('./')) assert.ok(existsSync(join(root, source)), `${source} does not exist`);
        else if (source.startsWith('/')) assert.deepEqual([name, source], ['containers', '/var/run/docker.sock']);
        else assert.ok(source in compose.volumes, `there is no volume ${source}`);
      }
    });
  }

  it('publishes the service, the receiver, Grafana and with `monitoring` the way in, on loopback unless set otherwise', () => {
    const published = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    const door = (env: string, port: number) => `\${VITRINE_BIND:-${config.bind}}:\${${env}:-${port}}:${port}`;
    assert.deepEqual(published, [
      ['service', door('VITRINE_PORT', config.servicePort)],
      ['service', door('VITRINE_GRPC_PORT', config.grpcPort)],
      ['service-gpu', door('VITRINE_PORT', config.servicePort)],
      ['service-gpu', door('VITRINE_GRPC_PORT', config.grpcPort)],
      ['receiver', door('VITRINE_RECEIVER_PORT', config.receiverPort)],
      ['otlp', door('VITRINE_OTLP_GRPC_PORT', config.otlpGrpcPort)],
      ['otlp', door('VITRINE_OTLP_HTTP_PORT', config.otlpHttpPort)],
      ['grafana', door('VITRINE_GRAFANA_PORT', config.grafanaPort)],
    ]);
  });

  it('lets the service reach the Collector, and the stores for its page; only what is published has a way out', () => {
    const open = Object.keys(compose.networks).filter((name) => compose.networks[name]?.internal !== true);
    assert.deepEqual(open, ['edge']);
    assert.deepEqual(services.service?.networks, ['edge', 'otlp', 'stores']);
    for (const [name, { networks = [], ports }] of Object.entries(services)) {
      assert.equal(networks.includes('edge'), ports !== undefined, `${name} and the network edge`);
    }
  });

  it('makes the names and ports that the configuration files use', () => {
    const used = new Set<string>();
    const files = [
      'prometheus/prometheus.yaml',
      'alertmanager/alertmanager.yaml',
      'grafana/provisioning/datasources/datasources.yaml',
    ];
    for (const file of files) {
      for (const [, address] of read(file).matchAll(/(?:'|:\/\/)([a-z]+:\d{4})\b/g)) used.add(address!);
    }
    assert.ok(used.size >= 6);
    for (const address of used) {
      assert.ok(address.split(':')[0]! in services, `${address} is no service of compose.yaml`);
      assert.ok(address in nativeAddresses(config), `${address} has no native counterpart in launcher/components.ts`);
    }
  });

  it('tells the Collector, Loki and the service, plain or with a GPU, where the others are', () => {
    const hosts = Object.values(services).flatMap(({ environment = {} }) =>
      Object.entries(environment).filter(([key]) => /^VITRINE_[A-Z]+_HOST$/.test(key)),
    );
    assert.equal(hosts.length, 12);
    for (const [key, host] of hosts) assert.equal(key, `VITRINE_${String(host).toUpperCase()}_HOST`);
    const used = ['prometheus', 'tempo', 'loki'].map((name) => read(`otel-collector/backends/${name}.yaml`)).join('');
    for (const [, key] of used.matchAll(/env:(VITRINE_[A-Z]+_HOST)/g))
      assert.ok(services.collector?.environment?.[key!], `${key} is not set`);
  });

  for (const name of ['prometheus', 'alertmanager', 'loki', 'tempo'] as const) {
    it(`starts ${name} with the flags of the native stack`, () => {
      const flagName = (flag: string) => flag.replace(/^-+/, '').split('=')[0]!;
      const values = new Set([
        '--web.enable-otlp-receiver',
        '--enable-feature=exemplar-storage',
        '--query.max-samples=5000000',
        '--query.timeout=30s',
        '--cluster.listen-address=',
      ]);
      const both = readConfig({ VITRINE_BACKENDS: 'prometheus,prometheus-remote-write,tempo,loki' });
      const native = component(name).parameters({ root, data: '/data', config: both });
      const composed = services[name]?.command ?? [];
      assert.deepEqual(composed.map(flagName).sort(), native.map(flagName).sort());
      const fixed = (flags: string[]) => flags.filter((flag) => values.has(flag)).sort();
      assert.deepEqual(fixed(composed), fixed(native));
    });
  }

  it('runs the versions that the native stack is built from', () => {
    const pinned = (file: string, pattern: RegExp) => pattern.exec(read(file))?.[1];
    const minor = pinned('prometheus/server/go.mod', /prometheus\/prometheus v0\.(\d+)\.\d+/)!;
    const patch = pinned('prometheus/server/go.mod', /prometheus\/prometheus v0\.\d+\.(\d+)/)!;
    // Prometheus' module v0.315.0 is the release 3.15.0.
    assert.equal(services.prometheus?.image, `prom/prometheus:v${minor[0]}.${Number(minor.slice(1))}.${patch}`);
    const alertmanager = pinned('alertmanager/server/go.mod', /prometheus\/alertmanager (v[\d.]+)/);
    assert.equal(services.alertmanager?.image, `prom/alertmanager:${alertmanager}`);
    const loki = pinned('loki/server/go.mod', /grafana\/loki\/v3 v([\d.]+)/);
    assert.equal(services.loki?.image, `grafana/loki:${loki}`);
    // Tempo's module is a commit of the 2.8 line, which no tag names.
    assert.match(read('tempo/server/go.mod'), /grafana\/tempo v1\.5\.1-0\.20250529\d+-87c2dc380cec/);
    assert.match(services.tempo?.image ?? '', /^grafana\/tempo:2\.8\.\d+$/);
    const collector = pinned('otel-collector/server/manifest.yaml', /\n {2}version: ([\d.]+)/);
    assert.match(
      read('compose/collector.Dockerfile'),
      new RegExp(`^FROM otel/opentelemetry-collector-contrib:${collector}$`, 'm'),
    );
    assert.equal(services.collector?.image, `vitrine-collector:${collector}`);
    assert.equal(services.containers?.image, services.collector?.image);
    assert.equal(services.service?.image, `vitrine:${JSON.parse(read('package.json')).version}`);
  });

  it('has no secret in it: each comes from the environment or from a file that it names', () => {
    for (const { environment = {} } of Object.values(services)) {
      for (const [key, value] of Object.entries(environment)) {
        if (!/PASSWORD|SECRET|TOKEN|KEYS?(_|$)/.test(key)) continue;
        assert.match(String(value), /^\$\{[A-Z_]+:\?.+\}$|^\/run\/secrets\//, `${key} is built in`);
      }
    }
  });

  it('names no setting that src/config.ts does not have', () => {
    const known = new Set<string>(Object.values(settings).map(({ env }) => env));
    const own = /_HOST$|^VITRINE_(CONFIGURATION|LOKI_RULES)$/;
    for (const [name] of read('compose.yaml').matchAll(/\bVITRINE_[A-Z_]+\b/g))
      assert.ok(known.has(name) || own.test(name), `there is no setting ${name}`);
  });

  it('makes nothing on the way of telemetry wait for what comes after it', () => {
    for (const name of ['service', 'receiver', 'collector']) {
      const waits = Object.values(services[name]?.depends_on ?? {}).map(({ condition }) => condition);
      assert.ok(!waits.includes('service_healthy'), `${name} waits`);
    }
    for (const { condition } of Object.values(services.grafana?.depends_on ?? {}))
      assert.equal(condition, 'service_healthy');
  });

  it('has the GPU under a profile of its own', () => {
    const withDevices = Object.entries(services).filter(
      ([, { deploy }]) => deploy?.resources.reservations !== undefined,
    );
    assert.deepEqual(
      withDevices.map(([name, { profiles }]) => [name, profiles]),
      [['service-gpu', ['gpu']]],
    );
  });
});

describe('the images', () => {
  it('are made from pinned images, and of files that exist and are let through to the builder', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const file of ['Dockerfile', 'compose/collector.Dockerfile']) {
      const stages = [...read(file).matchAll(/^FROM \S+ AS (\S+)/gm)].map(([, stage]) => stage);
      for (const [, image] of read(file).matchAll(/^FROM (\S+)/gm))
        if (image !== 'scratch' && !stages.includes(image)) assertPinned(image);
      for (const [, sources] of read(file).matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
        for (const source of sources!.split(' ')) {
          const path = source.replace(/^\.\//, '');
          assert.ok(existsSync(join(root, path)), `${file} copies ${source}, which does not exist`);
          assert.ok(
            allowed.some((one) => path === one || path.startsWith(`${one}/`)),
            `.dockerignore keeps ${source} from the builder`,
          );
        }
      }
    }
  });

  it('run as somebody who is not root, with the health check of the guide', () => {
    const dockerfile = read('Dockerfile');
    assert.equal([...dockerfile.matchAll(/^USER (\S+)/gm)].at(-1)?.[1], '1000:1000');
    assert.match(dockerfile, /ENTRYPOINT \["\/usr\/bin\/tini", "--"\]/);
    assert.match(dockerfile, /--interval=30s --timeout=10s --start-period=60s --retries=3/);
    assert.match(dockerfile, /npm prune --omit=dev/);
    assert.match(read('compose/collector.Dockerfile'), /^USER 10001$/m);
  });
});

/** A tag that names one release: at least two numbers, and never latest. */
function assertPinned(image: string | undefined): void {
  assert.match(image ?? '', /^[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*$/, `${image} is not pinned`);
}
