import { emptyColumns, loadColumns, type RecordedLoad } from './recorded-load.ts';
import type { WhatIfChanges } from './what-if-changes.ts';

/** A copy comes so much later at most: the load of a second is what it was. */
const shiftMsMax = 1_000;

/**
 * The arrivals without a tenant, and as many times as asked: copies come a little later than what
 * they are copies of. A task is copied with all its calls.
 */
export function changeLoad(load: RecordedLoad, { withoutTenant, load: times = 1 }: WhatIfChanges): RecordedLoad {
  const leftOut = withoutTenant === undefined ? -1 : load.tenants.indexOf(withoutTenant);
  if (leftOut < 0 && times === 1) return load;
  const chains = chainsOf(load);
  const chosen: { place: number; shiftMs: number; copy: number }[] = [];
  for (let place = 0; place < load.count; place += 1) {
    if (load.columns.tenant[place] === leftOut) continue;
    for (let copy = 0; copy < times; copy += 1) {
      // Of the last copy a part: the same chains each time it is asked.
      if (times - copy < 1 && shareOf(chains[place]!, 0) >= times - copy) continue;
      chosen.push({ place, copy, shiftMs: copy === 0 ? 0 : shiftMsMax * shareOf(chains[place]!, copy) });
    }
  }
  const at = ({ place, shiftMs }: (typeof chosen)[number]) => load.columns.at[place]! + shiftMs;
  chosen.sort((one, other) => at(one) - at(other));
  const columns = emptyColumns(chosen.length);
  const places = new Map(chosen.map(({ place, copy }, to) => [`${place} ${copy}`, to]));
  for (const [to, one] of chosen.entries()) {
    for (const name of loadColumns) columns[name][to] = load.columns[name][one.place]!;
    columns.at[to] = at(one);
    const previous = load.columns.previous[one.place]!;
    columns.previous[to] = previous < 0 ? -1 : (places.get(`${previous} ${one.copy}`) ?? -1);
  }
  return { ...load, count: chosen.length, columns };
}

/** Of each arrival, the first of its chain. */
function chainsOf({ count, columns }: RecordedLoad): Int32Array {
  const chains = new Int32Array(count);
  for (let place = 0; place < count; place += 1) {
    const previous = columns.previous[place]!;
    chains[place] = previous < 0 ? place : chains[previous]!;
  }
  return chains;
}

/** A number from 0 to 1 that looks drawn and is always the same. */
function shareOf(place: number, copy: number): number {
  let mixed = Math.imul(place + 1, 0x9e3779b1) ^ Math.imul(copy + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
}
