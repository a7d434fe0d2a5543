import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../../../launcher/cluster/cluster-up.ts';
import { clusterPrograms } from '../../../launcher/cluster/programs.ts';
import { runCommand } from '../../../launcher/run-command.ts';
import { ensureServer } from '../../../launcher/servers/ensure-server.ts';
import { writeOverlayChart } from '../../../tools/chart/overlay-chart.ts';

/** Helm with our chart, on a cluster. */
export class HelmOnCluster {
  readonly #cluster: Cluster;
  readonly #helm: string;
  readonly #folder: string;
  readonly namespace: string;

  static async open(cluster: Cluster, namespace: string): Promise<HelmOnCluster> {
    const helm = join(await ensureServer(clusterPrograms.helm), 'helm');
    const own = new HelmOnCluster(cluster, helm, namespace);
    await mkdir(own.#folder, { recursive: true });
    await writeOverlayChart('one-node', own.#chart);
    return own;
  }

  private constructor(cluster: Cluster, helm: string, namespace: string) {
    this.#cluster = cluster;
    this.#helm = helm;
    this.#folder = join(cluster.folder, 'helm');
    this.namespace = namespace;
  }

  get #chart(): string {
    return join(this.#folder, 'chart');
  }

  /** Without its stores, which need not be there twice. */
  install(): Promise<string> {
    const none = ['prometheus', 'tempo', 'loki', 'alertmanager', 'grafana'].map((name) => `${name}.replicas=0`);
    const small = ['service', 'receiver', 'collector'].map((name) => `${name}.resources.requests.cpu=20m`);
    const values = [...none, ...small].flatMap((value) => ['--set', value]);
    return this.#run('install', 'vitrine', this.#chart, ...values, '--wait', '--timeout=300s');
  }

  uninstall(): Promise<string> {
    return this.#run('uninstall', 'vitrine', '--wait', '--timeout=180s');
  }

  #run(...parameters: string[]): Promise<string> {
    return runCommand(this.#helm, ['--namespace', this.namespace, ...parameters], {
      env: {
        ...process.env,
        KUBECONFIG: this.#cluster.kubeconfig,
        HELM_CACHE_HOME: this.#folder,
        HELM_CONFIG_HOME: this.#folder,
        HELM_DATA_HOME: this.#folder,
      },
    });
  }
}
