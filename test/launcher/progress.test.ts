import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { BuildEstimate } from '../../launcher/build-estimate.ts';
import type { ComponentName } from '../../launcher/components.ts';
import { Progress } from '../../launcher/progress.ts';
import type { Stack } from '../../launcher/stack.ts';

const toBuild = [
  { title: 'Tempo', coldBuildSeconds: 300 },
  { title: 'Loki', coldBuildSeconds: 600 },
];

describe('the progress of a start', () => {
  const stack = {
    names: ['service', 'prometheus'] as ComponentName[],
    url: (name: ComponentName) => `http://127.0.0.1:${name === 'service' ? 8000 : 9090}`,
    state: () => ({ kind: 'healthy', identity: { pid: 1, startedAt: '' }, sinceMs: 0 }),
  } as unknown as Stack;

  function told(act: (progress: Progress) => void): string {
    const stream = new PassThrough();
    const progress = new Progress(stream as unknown as NodeJS.WriteStream);
    progress.begin(stack);
    act(progress);
    progress.close();
    return String(stream.read() ?? '');
  }

  it('says what is built and how long that takes, and what works meanwhile', () => {
    const said = told((progress) => {
      progress.show({ kind: 'plan', toBuild });
      progress.show({ kind: 'state', name: 'service', state: stack.state('service') });
    });
    assert.match(said, /Tempo, Loki: not here yet\. A download takes seconds, a build of all about \d+ min/);
    assert.match(said, /Open http:\/\/localhost:8000: .* work now\. .* follow in about \d+ min/);
  });

  it('names the addresses when everything is up', () => {
    const said = told((progress) => progress.showUp(stack));
    assert.match(said, /page and API +http:\/\/localhost:8000\n/);
    assert.match(said, /Prometheus +http:\/\/localhost:9090\n/);
  });

  it('gives each line its time where it goes into a file', () => {
    assert.match(
      told((progress) => progress.line('Something')),
      /^\d\d:\d\d:\d\d Something\n$/,
    );
  });
});

describe('the estimate of builds', () => {
  it('goes by how fast this machine has been', () => {
    const estimate = new BuildEstimate(toBuild);
    estimate.built('Tempo', 300_000);
    assert.equal(estimate.minutesLeft(), 10);
    assert.equal(estimate.minutesLeft('Loki', 300_000), 5);
    assert.equal(estimate.minutesLeft('Loki', 6_000_000), 1);
  });
});
