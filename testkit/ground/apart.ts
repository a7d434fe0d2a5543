/**
 * Put before a command: a network, process ids and mounts of its own. Containers, their engine and
 * the test meet no other run, keep the usual ports, and end with it. Nothing outside can be reached.
 */
export const apart = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'],
  ...['sh', '-c', 'ip link set lo up && exec "$@"', 'sh'],
];
