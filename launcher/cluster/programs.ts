import type { Server } from '../servers.ts';

/**
 * What `vitrine cluster up` runs, each pinned by a Go module like the servers of the stack. The
 * first three are the cluster; the others are built when something asks for them.
 */
export const clusterPrograms = {
  kubernetes: {
    title: 'Kubernetes',
    folder: 'deploy/kubernetes/programs/kubernetes',
    packages: [
      'k8s.io/kubernetes/cmd/kube-apiserver',
      'k8s.io/kubernetes/cmd/kube-controller-manager',
      'k8s.io/kubernetes/cmd/kube-scheduler',
      'k8s.io/kubernetes/cmd/kubelet',
      'k8s.io/kubernetes/cmd/kube-proxy',
      'k8s.io/kubernetes/cmd/kubectl',
    ],
    tags: '',
    binaries: ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl'],
    version: 'v1.34.4',
    versionVariable: 'k8s.io/component-base/version.gitVersion',
    versionArguments: ['--version'],
    coldBuildSeconds: 700,
  },
  etcd: {
    title: 'etcd',
    folder: 'deploy/kubernetes/programs/etcd',
    packages: ['go.etcd.io/etcd/server/v3'],
    tags: '',
    binaries: ['etcd'],
    version: '3.6.16',
    versionVariable: '',
    versionArguments: ['--version'],
    coldBuildSeconds: 60,
  },
  coredns: {
    title: 'CoreDNS',
    folder: 'deploy/kubernetes/programs/coredns',
    packages: ['.'],
    tags: '',
    binaries: ['coredns'],
    version: '1.15.0',
    versionVariable: '',
    versionArguments: ['-version'],
    coldBuildSeconds: 130,
  },
  kubeRouter: {
    title: 'kube-router',
    folder: 'deploy/kubernetes/programs/kube-router',
    packages: ['github.com/cloudnativelabs/kube-router/v2/cmd/kube-router'],
    tags: '',
    binaries: ['kube-router'],
    version: '2.1.0',
    versionVariable: 'github.com/cloudnativelabs/kube-router/v2/pkg/version.Version',
    versionArguments: ['--version'],
    coldBuildSeconds: 100,
  },
  metricsServer: {
    title: 'metrics-server',
    folder: 'deploy/kubernetes/programs/metrics-server',
    packages: ['sigs.k8s.io/metrics-server/cmd/metrics-server'],
    tags: '',
    binaries: ['metrics-server'],
    version: 'v0.8.0',
    versionVariable: 'sigs.k8s.io/metrics-server/pkg/version.gitVersion',
    versionArguments: ['--version'],
    coldBuildSeconds: 100,
  },
  helm: {
    title: 'Helm',
    folder: 'deploy/kubernetes/programs/helm',
    packages: ['helm.sh/helm/v4/cmd/helm'],
    tags: '',
    binaries: ['helm'],
    version: 'v4.3.2',
    versionVariable: 'helm.sh/helm/v4/internal/version.version',
    versionArguments: ['version', '--short'],
    coldBuildSeconds: 100,
  },
} as const satisfies Record<string, Server>;

export type ClusterProgramName = keyof typeof clusterPrograms;
