import { join } from 'node:path';
import {
  apiPort,
  type ClusterRecord,
  cgroupOf,
  clusterFolder,
  dnsAddress,
  metricsPort,
  nodeAddress,
  podSubnet,
  podSubnets,
  serviceSubnet,
} from './cluster-place.ts';
import type { ClusterProgramName } from './programs.ts';

export type PlannedProgram = {
  readonly name: string;
  readonly program: string;
  readonly parameters: readonly string[];
};

/** What the processes of a node are given when its namespaces are there. */
export type NodePlan = {
  readonly node: string;
  readonly folder: string;
  readonly cluster: string;
  readonly address: string;
  readonly podSubnet: string;
  readonly files: Readonly<Record<string, string>>;
  readonly programs: readonly PlannedProgram[];
};

export type Folders = Readonly<Partial<Record<ClusterProgramName, string>>> & { readonly kubernetes: string };

type PlanOptions = { readonly folders: Folders; readonly node: number };

export function nodeName(node: number): string {
  return `node${node}`;
}

/** The first node has the control plane too. */
export function planNode(record: ClusterRecord, { folders, node }: PlanOptions): NodePlan {
  const cluster = clusterFolder(record.name);
  const folder = join(cluster, nodeName(node));
  const address = nodeAddress(record, node);
  const inside = (name: string) => join(folder, name);
  return {
    node: nodeName(node),
    folder,
    cluster: record.name,
    address,
    podSubnet: podSubnet(node),
    files: {
      'containerd.toml': containerdSettings(inside),
      'kubelet.json': JSON.stringify(kubeletSettings(record, { node: nodeName(node), inside, address })),
      'network/10-pods.conflist': JSON.stringify(podNetwork(node)),
      // Names outside the cluster lead nowhere: no pod can reach them.
      'resolv.conf': 'nameserver 127.0.0.1\n',
    },
    programs: [
      ...(node === 1 ? [...controlPlane(record, folders), ...metrics(record, folders)] : []),
      ...nodePrograms(record, { folders, node, inside, address }),
    ],
  };
}

function controlPlane(record: ClusterRecord, folders: Folders): PlannedProgram[] {
  const folder = clusterFolder(record.name);
  const keys = (name: string) => join(folder, 'keys', name);
  const address = nodeAddress(record, 1);
  const kubernetes = (name: string) => join(folders.kubernetes, name);
  const client = 'http://127.0.0.1:2379';
  const peer = 'http://127.0.0.1:2380';
  return [
    {
      name: 'etcd',
      program: join(folders.etcd!, 'etcd'),
      parameters: [
        `--data-dir=${join(folder, 'etcd')}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=default=${peer}`,
        // The cluster ends with its machine; waiting for the disk at each write would only make it slow.
        '--unsafe-no-fsync',
      ],
    },
    {
      name: 'kube-apiserver',
      program: kubernetes('kube-apiserver'),
      parameters: [
        `--etcd-servers=${client}`,
        `--bind-address=0.0.0.0`,
        `--advertise-address=${address}`,
        `--secure-port=${apiPort}`,
        `--service-cluster-ip-range=${serviceSubnet}`,
        `--tls-cert-file=${keys('apiserver.crt')}`,
        `--tls-private-key-file=${keys('apiserver.key')}`,
        `--client-ca-file=${keys('ca.crt')}`,
        `--kubelet-client-certificate=${keys('admin.crt')}`,
        `--kubelet-client-key=${keys('admin.key')}`,
        // The names of nodes are known to nobody but the cluster.
        '--kubelet-preferred-address-types=InternalIP',
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        `--service-account-key-file=${keys('accounts.pub')}`,
        `--service-account-signing-key-file=${keys('accounts.key')}`,
        `--requestheader-client-ca-file=${keys('ca.crt')}`,
        '--requestheader-allowed-names=front-proxy-client',
        '--requestheader-extra-headers-prefix=X-Remote-Extra-',
        '--requestheader-group-headers=X-Remote-Group',
        '--requestheader-username-headers=X-Remote-User',
        `--proxy-client-cert-file=${keys('front-proxy.crt')}`,
        `--proxy-client-key-file=${keys('front-proxy.key')}`,
        '--enable-aggregator-routing=true',
        '--authorization-mode=Node,RBAC',
        '--allow-privileged=true',
      ],
    },
    ...controllers(record, folders),
  ];
}

function controllers(record: ClusterRecord, folders: Folders): PlannedProgram[] {
  const folder = clusterFolder(record.name);
  const keys = (name: string) => join(folder, 'keys', name);
  const kubeconfig = `--kubeconfig=${join(folder, 'kubeconfig')}`;
  const kubernetes = (name: string) => join(folders.kubernetes, name);
  return [
    {
      name: 'kube-controller-manager',
      program: kubernetes('kube-controller-manager'),
      parameters: [
        kubeconfig,
        `--service-account-private-key-file=${keys('accounts.key')}`,
        `--root-ca-file=${keys('ca.crt')}`,
        `--cluster-signing-cert-file=${keys('ca.crt')}`,
        `--cluster-signing-key-file=${keys('ca.key')}`,
        '--use-service-account-credentials',
        '--bind-address=127.0.0.1',
        '--leader-elect=false',
        `--flex-volume-plugin-dir=${join(folder, 'plugins')}`,
        // A node that is gone is found so in 20 s.
        '--node-monitor-grace-period=20s',
      ],
    },
    {
      name: 'kube-scheduler',
      program: kubernetes('kube-scheduler'),
      parameters: [kubeconfig, '--bind-address=127.0.0.1', '--leader-elect=false'],
    },
  ];
}

function metrics(record: ClusterRecord, { metricsServer }: Folders): PlannedProgram[] {
  if (metricsServer === undefined) return [];
  const folder = clusterFolder(record.name);
  const kubeconfig = join(folder, 'kubeconfig');
  return [
    {
      name: 'metrics-server',
      program: join(metricsServer, 'metrics-server'),
      parameters: [
        `--kubeconfig=${kubeconfig}`,
        `--authentication-kubeconfig=${kubeconfig}`,
        `--authorization-kubeconfig=${kubeconfig}`,
        `--secure-port=${metricsPort}`,
        `--cert-dir=${join(folder, 'metrics-server')}`,
        // kubelets sign their own certificates.
        '--kubelet-insecure-tls',
        '--kubelet-preferred-address-types=InternalIP',
        '--metric-resolution=15s',
      ],
    },
  ];
}

type NodeOptions = PlanOptions & { readonly inside: (name: string) => string; readonly address: string };

function nodePrograms(record: ClusterRecord, { folders, node, inside, address }: NodeOptions): PlannedProgram[] {
  const kubeconfig = `--kubeconfig=${join(clusterFolder(record.name), 'kubeconfig')}`;
  const override = `--hostname-override=${nodeName(node)}`;
  const policies: PlannedProgram[] = folders.kubeRouter
    ? [
        {
          name: 'kube-router',
          program: join(folders.kubeRouter, 'kube-router'),
          parameters: [
            kubeconfig,
            override,
            '--run-router=false',
            '--run-service-proxy=false',
            '--run-firewall=true',
            `--service-cluster-ip-range=${serviceSubnet}`,
            '--metrics-port=0',
            '--health-port=0',
          ],
        },
      ]
    : [];
  return [
    { name: 'containerd', program: 'containerd', parameters: ['--config', inside('containerd.toml')] },
    {
      name: 'kubelet',
      program: join(folders.kubernetes, 'kubelet'),
      parameters: [kubeconfig, override, `--config=${inside('kubelet.json')}`, `--node-ip=${address}`],
    },
    {
      name: 'kube-proxy',
      program: join(folders.kubernetes, 'kube-proxy'),
      parameters: [
        kubeconfig,
        override,
        '--proxy-mode=iptables',
        `--cluster-cidr=${podSubnets}`,
        // These belong to the whole machine, not to the namespace.
        '--conntrack-max-per-core=0',
        '--conntrack-min=0',
        '--conntrack-tcp-timeout-established=0s',
        '--conntrack-tcp-timeout-close-wait=0s',
        '--iptables-localhost-nodeports=false',
      ],
    },
    ...policies,
  ];
}

function containerdSettings(inside: (name: string) => string): string {
  return `version = 2
root = "${inside('containerd')}"
state = "/run/containerd"
[grpc]
  address = "${inside('containerd.sock')}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${inside('opt')}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "vitrine-pause:1.0"
  # Without CAP_SYS_RESOURCE no sandbox could be given the score it asks for.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${inside('network')}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;
}

type KubeletOptions = Pick<NodeOptions, 'inside' | 'address'> & { readonly node: string };

function kubeletSettings(record: ClusterRecord, { node, inside, address }: KubeletOptions): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(clusterFolder(record.name), 'keys/ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupOf(record.name, node)}`,
    containerRuntimeEndpoint: `unix://${inside('containerd.sock')}`,
    clusterDNS: [dnsAddress],
    clusterDomain: 'cluster.local',
    resolvConf: inside('resolv.conf'),
    volumePluginDir: inside('plugins'),
    failSwapOn: false,
    failCgroupV1: false,
    // The disk is the whole machine's; its owner decides what fills it. Images that were removed
    // could not be fetched again.
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%', 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    nodeStatusUpdateFrequency: '5s',
  };
}

/** Routed by the node, not bridged: so Services work between pods of one node. */
function podNetwork(node: number): object {
  const ipam = { type: 'host-local', subnet: podSubnet(node), routes: [{ dst: '0.0.0.0/0' }] };
  return { cniVersion: '0.4.0', name: 'pods', plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
}
