/** An engine that has not answered by then never does. */
export const startMsMax = 180_000;

/** What the engine says last, in a sentence with its remedy. */
export function explainEngine(log: string): string {
  const last = log
    .trim()
    .split('\n')
    .filter((line) => /level=(fatal|error)|failed|cannot/i.test(line))
    .at(-1);
  const remedy =
    [
      [/iptables/i, 'load ip_tables and nf_nat, or install iptables'],
      [/cgroup/i, 'mount the cgroups under /sys/fs/cgroup'],
      [
        /overlay|storage[- ]driver|graphdriver/i,
        'load the kernel module overlay, or choose another folder with TMPDIR',
      ],
      [/no space left/i, 'free 8 GB, or choose another folder with TMPDIR'],
      [/not permitted|permission/i, 'run as root, with the rights to mount and to make namespaces'],
    ].find(([pattern]) => (pattern as RegExp).test(last ?? ''))?.[1] ?? 'read its log above';
  return `Cannot start a Docker engine: ${last ?? `it did not answer within ${startMsMax / 1000} s`}; ${remedy}.`;
}
