/** Whose rows stand one behind the other, from the oldest to the newest. */
type Owner = { readonly name: string; rows: number; oldest: number; newest: number };

const none = -1;

/**
 * Which of a limited number of rows the next record takes: a free one, and then the oldest, unless
 * its owner has no more than a quarter of all; then the oldest of the owner who has the most. So a
 * flood of one owner pushes out its own records and no others. Numbers in arrays hold
 * all this: nothing is made for a record.
 */
export class FairRows {
  readonly #max: number;
  /** So many rows of an owner are never taken by another. */
  readonly #share: number;
  /** Of each row, the next one that is newer and older than it, whatever their owner. */
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  /** Of each row, the next one of its owner that is newer. */
  readonly #newerOfOwner: Int32Array;
  readonly #ownerOf: Owner[] = [];
  readonly #owners: Owner[] = [];
  readonly #byName = new Map<string, Owner>();
  #newest = none;
  #oldest = none;
  /** Most records are of the owner of the one before. */
  #last: Owner | undefined;
  #most: Owner | undefined;
  #looked = 0;

  constructor(max: number) {
    this.#max = max;
    this.#share = Math.floor(max / 4);
    this.#newer = new Int32Array(max);
    this.#older = new Int32Array(max);
    this.#newerOfOwner = new Int32Array(max);
  }

  get size(): number {
    return this.#ownerOf.length;
  }

  /** The row for a new record of this owner, which is the newest from now on. */
  take(name: string): number {
    const owner = this.#ownerNamed(name);
    const row = this.#ownerOf.length < this.#max ? this.#ownerOf.length : this.#freeOldest(owner);
    this.#ownerOf[row] = owner;
    if (owner.rows === 0) owner.oldest = row;
    else this.#newerOfOwner[owner.newest] = row;
    owner.newest = row;
    owner.rows += 1;
    this.#older[row] = this.#newest;
    this.#newer[row] = none;
    if (this.#newest === none) this.#oldest = row;
    else this.#newer[this.#newest] = row;
    this.#newest = row;
    if (this.#most === undefined || owner.rows > this.#most.rows) this.#most = owner;
    return row;
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<number> {
    for (let row = this.#newest; row !== none; row = this.#older[row]!) yield row;
  }

  #freeOldest(taker: Owner): number {
    let owner = this.#ownerOf[this.#oldest]!;
    if (owner.rows <= this.#share && owner !== taker) owner = this.#ownerWithMost();
    // The oldest of all is the oldest of its owner.
    const row = owner.oldest;
    owner.oldest = this.#newerOfOwner[row]!;
    owner.rows -= 1;
    if (owner.rows === 0 && owner !== taker) this.#forget(owner);
    const older = this.#older[row]!;
    const newer = this.#newer[row]!;
    if (older === none) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === none) this.#newest = older;
    else this.#older[newer] = older;
    return row;
  }

  /**
   * The one with the most was found when its last record came. Another may have more since others
   * took rows from it: one owner is looked at each time.
   */
  #ownerWithMost(): Owner {
    const looked = this.#owners[this.#looked % this.#owners.length]!;
    this.#looked += 1;
    if (this.#most === undefined || looked.rows > this.#most.rows) this.#most = looked;
    return this.#most;
  }

  #ownerNamed(name: string): Owner {
    if (this.#last?.name === name) return this.#last;
    let owner = this.#byName.get(name);
    if (owner === undefined) {
      owner = { name, rows: 0, oldest: none, newest: none };
      this.#byName.set(name, owner);
      this.#owners.push(owner);
    }
    this.#last = owner;
    return owner;
  }

  #forget(owner: Owner): void {
    this.#byName.delete(owner.name);
    this.#owners.splice(this.#owners.indexOf(owner), 1);
    if (this.#last === owner) this.#last = undefined;
    if (this.#most === owner) this.#most = undefined;
  }
}
