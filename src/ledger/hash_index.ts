/**
 * Numbers 0, 1, 2 … for hashes, in the order they were added, in typed arrays: 10 M entries in
 * some 150 MB where a Map would take a gigabyte. Equal hashes may be added twice, since two events
 * can share one; who looks a hash up gets all entries that have it.
 */

const EMPTY = -1;

export class HashIndex {
  #slots: Int32Array;
  #hashes: Float64Array;
  #size = 0;

  constructor(capacity = 1_024) {
    const entries = Math.max(16, capacity);
    this.#hashes = new Float64Array(entries);
    this.#slots = new Int32Array(slotsFor(entries)).fill(EMPTY);
  }

  get size(): number {
    return this.#size;
  }

  /** Forgets all entries and keeps the room. */
  clear(): void {
    this.#size = 0;
    this.#slots.fill(EMPTY);
  }

  /** Adds the hash, also where it is known already; answers its number. */
  add(hash: number): number {
    if (this.#size === this.#hashes.length) this.#grow();
    const entry = this.#size++;
    this.#hashes[entry] = hash;
    this.#place(entry, hash);
    return entry;
  }

  /** The first entry of this hash, or -1. */
  find(hash: number): number {
    return this.#from(hash, firstSlot(hash, this.#slots.length));
  }

  findOrAdd(hash: number): number {
    const entry = this.find(hash);
    return entry === EMPTY ? this.add(hash) : entry;
  }

  /** All entries of this hash; nearly always one or none. */
  *findAll(hash: number): Generator<number> {
    const mask = this.#slots.length - 1;
    let slot = firstSlot(hash, this.#slots.length);
    for (; this.#slots[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      if (this.#hashes[entry] === hash) yield entry;
    }
  }

  #from(hash: number, start: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = start; this.#slots[slot] !== EMPTY; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      if (this.#hashes[entry] === hash) return entry;
    }
    return EMPTY;
  }

  #place(entry: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = firstSlot(hash, this.#slots.length);
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  #grow(): void {
    const hashes = new Float64Array(this.#hashes.length * 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#slots = new Int32Array(slotsFor(hashes.length)).fill(EMPTY);
    for (let entry = 0; entry < this.#size; entry++) this.#place(entry, hashes[entry]!);
  }
}

/** A power of two that leaves at least a quarter of the slots free. */
function slotsFor(entries: number): number {
  return 2 ** Math.ceil(Math.log2(entries * 4 / 3 + 1));
}

/** Both words count: a hash has 21 bits above the lower 32. */
function firstSlot(hash: number, slots: number): number {
  const low = hash >>> 0;
  const high = (hash / 0x100000000) >>> 0;
  return (low ^ Math.imul(high, 0x9e3779b1)) & (slots - 1);
}
