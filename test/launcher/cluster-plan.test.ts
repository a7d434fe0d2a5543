import assert from 'node:assert/strict';
import { clusterFolder } from '../../launcher/cluster/cluster-place.ts';
import { bytesOf } from '../../launcher/cluster/local-volumes.ts';
import { type NodePlan, planNode } from '../../launcher/cluster/node-plan.ts';

const record = { name: 'plan', subnet: 7, nodes: {} };
const plans = [1, 2].map((node) => planNode(record, { node, folders: { kubernetes: '/k', etcd: '/e' } }));

describe('the plan of a cluster', () => {
  it('has the control plane on the first node alone, and a kubelet on each', () => {
    const [first, second] = plans.map(({ programs }) => programs.map(({ name }) => name));
    for (const name of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
      assert.ok(first!.includes(name) && !second!.includes(name), name);
    for (const name of ['containerd', 'kubelet', 'kube-proxy'])
      assert.ok(first!.includes(name) && second!.includes(name), name);
  });

  it('gives each node what no other has: its address, its pods’ addresses, its cgroup', () => {
    const own = (of: (plan: NodePlan) => string) => assert.equal(new Set(plans.map(of)).size, plans.length);
    own(({ address }) => address);
    own(({ podSubnet }) => podSubnet);
    own(({ files }) => (JSON.parse(files['kubelet.json']!) as { cgroupRoot: string }).cgroupRoot);
  });

  for (const name of ['', 'Two', '2', 'a-b', 'longerthantwelve', '../etc'])
    it(`refuses the name ${JSON.stringify(name)} in a sentence with the remedy`, () => {
      assert.throws(
        () => clusterFolder(name),
        /^StackFailure: Cannot name a cluster .+; choose another with --name\.$/,
      );
    });
});

describe('the size of a claim', () => {
  it('is read as Kubernetes writes it', () => {
    assert.deepEqual(['5', '3Ki', '512Mi', '16Gi', '2G'].map(bytesOf), [5, 3072, 2 ** 29, 2 ** 34, 2e9]);
  });

  for (const size of ['', '16GB', '1.5Gi', '-1'])
    it(`is refused where it is ${JSON.stringify(size)}`, () => {
      assert.throws(() => bytesOf(size), /Cannot read the size of a claim: .+; write it so\./);
    });
});
