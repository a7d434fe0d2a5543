import { setFlagsFromString } from 'node:v8';

/**
 * Everything that is made begins in the space for young objects. Otherwise V8 asks of each place in the code, by the first collection that meets enough of
 * what was made there, whether it lives long, and if so makes it among the old from then on, for good. A burst that is in flight during that collection
 * teaches it that of requests: each later one then leaves a third of itself for the collections of old objects, and costs up to half as much again.
 */
export function bornYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
