import type { AttributeValue } from '@opentelemetry/api';
import { hostDetector, type ResourceDetector } from '@opentelemetry/resources';

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
