import { readFileSync } from 'node:fs';
import type { AttributeValue } from '@opentelemetry/api';
import { hostDetector, type ResourceDetector } from '@opentelemetry/resources';
import { ifThereNow } from '../../if-there.ts';

/**
 * What the host says of itself. A container has no machine id: the SDK would warn of an empty
 * `host.id`, so it is left out.
 */
export async function hostAttributes(
  detector: ResourceDetector = hostDetector,
): Promise<Record<string, AttributeValue>> {
  const detected = Object.entries(detector.detect().attributes ?? {});
  const settled = await Promise.all(detected.map(async ([name, value]) => [name, await value] as const));
  return Object.fromEntries(
    settled.filter((one): one is [string, AttributeValue] => one[1] !== undefined && one[1] !== ''),
  );
}

/** As the runtime names it in the mounts or the control group of this process; Linux. */
export function containerId(read = (file: string) => ifThereNow(() => readFileSync(file, 'utf8'))): string | undefined {
  for (const file of ['/proc/self/mountinfo', '/proc/self/cgroup']) {
    const found = /(?:containers?|docker|crio|cri-containerd|libpod|sandboxes|kubepods)\S*?[/:-]([0-9a-f]{64})\b/.exec(
      read(file) ?? '',
    );
    if (found) return found[1];
  }
  return undefined;
}
