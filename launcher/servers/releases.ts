/** What the makers of a server publish: an archive for each platform. */
export type Release = {
  /** Below https://github.com or below a mirror; {os} and {arch} are Go's names. */
  path: string;
  /** Which file of the archive is the server. */
  member: string;
  /**
   * SHA-256 of the archive for each platform, as the makers publish it. An archive of a platform that
   * is not here is taken only from a mirror whose own list has it.
   */
  sha256: Readonly<Record<string, string>>;
};

/** Of the versions that launcher/servers.ts pins. */
const prometheus = {
  path: 'prometheus/prometheus/releases/download/v{version}/prometheus-{version}.{os}-{arch}.tar.gz',
  sha256: {
    'linux-amd64': '2a542df32eac02ee17b9d844fb2aa1de00dafa5476579ba8a3ba862e9d572ea0',
    'linux-arm64': 'f1f90ec08e849d494ca66c611470afc50192f0355f1a61c33f2cbde02d067823',
    'darwin-amd64': '2d79e744c2d7e505db936fbc898e05abc74fcb6e437c25befd26e9c9f00aa58b',
    'darwin-arm64': '920df4d17e78b3b0175af144eb318b0c74d1cf7b1d1251b326966f0e81977260',
  },
};

const alertmanager = {
  path: 'prometheus/alertmanager/releases/download/v{version}/alertmanager-{version}.{os}-{arch}.tar.gz',
  sha256: {
    'linux-amd64': '5ac7ab5e4b8ee5ce4d8fb0988f9cb275efcc3f181b4b408179fafee121693311',
    'linux-arm64': 'd8832540e5b9f613d2fd759e31d603173b9c61cc7bb5e3bc7ae2f12038b1ce4f',
  },
};

export const releases = {
  collector: {
    path: 'open-telemetry/opentelemetry-collector-releases/releases/download/v{version}/otelcol-contrib_{version}_{os}_{arch}.tar.gz',
    member: 'otelcol-contrib',
    sha256: {
      'linux-amd64': '229cfddeb0621d2a011bfd1c8894335479e46349b93a0cfbccbe653443a3ec95',
      'linux-arm64': 'f2fac079d5b761a729e49ba5db319cab92affc558406dc42e3c1c08e0827e14f',
      'darwin-amd64': '7a792b03c6c7d8cfa1b67c08fd9d0c5c021a1387f926ecba92b9cfbec2d0f80e',
      'darwin-arm64': 'dc9ecd5243bc632a2901d028bfc7a705fb6317b269c9514b5f8187b80caf8c56',
    },
  },
  prometheus: { ...prometheus, member: 'prometheus-{version}.{os}-{arch}/prometheus' },
  promtool: { ...prometheus, member: 'prometheus-{version}.{os}-{arch}/promtool' },
  alertmanager: { ...alertmanager, member: 'alertmanager-{version}.{os}-{arch}/alertmanager' },
  amtool: { ...alertmanager, member: 'alertmanager-{version}.{os}-{arch}/amtool' },
  // The pinned commit of Tempo has no release of its own: only a mirror with its own list has it.
  tempo: {
    path: 'grafana/tempo/releases/download/v{version}/tempo_{version}_{os}_{arch}.tar.gz',
    member: 'tempo',
    sha256: {},
  },
  loki: {
    path: 'grafana/loki/releases/download/v{version}/loki-{os}-{arch}.zip',
    member: 'loki-{os}-{arch}',
    sha256: {
      'linux-amd64': '62aea42c9cba52cd1642b3666ab37019a0ce4c24ab50b07e85dccc8d812f7d61',
      'darwin-arm64': '95d830437482aba989a7d7a65be3c618a67a6e46f6e614544cc4b9ce09f499a1',
    },
  },
} as const satisfies Record<string, Release>;

/** In Go's words, as release archives are named. */
export function platform(): { os: string; arch: string } {
  const arches: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
  return { os: process.platform, arch: arches[process.arch] ?? process.arch };
}

/** The path and member of a release for this platform. */
export function releaseHere(
  { path, member, sha256 }: Release,
  version: string,
): { path: string; member: string; sha256: string | undefined } {
  const { os, arch } = platform();
  const filled = (pattern: string) =>
    pattern.replaceAll('{version}', version).replaceAll('{os}', os).replaceAll('{arch}', arch);
  return { path: filled(path), member: filled(member), sha256: sha256[`${os}-${arch}`] };
}

/** What `vitrine archives` writes where the makers publish a zip. */
export function asTar(path: string): string {
  return path.replace(/\.zip$/, '.tar.gz');
}
