/**
 * One pass of the proof: the events of some keys, and what the table and the dead letters have of
 * them. Everything is in typed arrays of the exact size, 25 bytes an event.
 */

import { ACCEPTED, hashOf, type LedgerEvent, REFUSED, type Status, UNKNOWN } from "./format.ts";
import { HashIndex } from "./hash_index.ts";

export interface Findings {
  /** Accepted, and neither in the table nor in the dead letters. */
  missing: number;
  /** Stored more than once, table and dead letters together. */
  doubled: number;
  outOfOrder: number;
  /** Stored with other values than were sent. */
  altered: number;
  /** Refused by the edge, and stored. */
  unexpected: number;
  /** Sent without an answer, and not stored: allowed. */
  unknown: number;
}

export function noFindings(): Findings {
  return { missing: 0, doubled: 0, outOfOrder: 0, altered: 0, unexpected: 0, unknown: 0 };
}

const POISON = 4;

export class Trial {
  readonly #events: HashIndex;
  /** The lower half of the content's hash. */
  readonly #contents: Uint32Array;
  readonly #seqs: Uint32Array;
  readonly #keyOfEvent: Int32Array;
  /** Status, and POISON. */
  readonly #flags: Uint8Array;
  /** How often it was found. */
  readonly #found: Uint8Array;
  readonly #keys = new HashIndex();
  #lastSeqs = new Int32Array(1_024).fill(-1);
  /** Dead letters by the hash of their event's id. */
  readonly #letters = new HashIndex();
  #letterCounts = new Uint8Array(1_024);
  #findings = noFindings();

  /** @param events the most that one pass has. */
  constructor(events: number) {
    this.#events = new HashIndex(events);
    this.#contents = new Uint32Array(events);
    this.#seqs = new Uint32Array(events);
    this.#keyOfEvent = new Int32Array(events);
    this.#flags = new Uint8Array(events);
    this.#found = new Uint8Array(events);
  }

  /** Begins the next pass in the room of the last one. */
  clear(): void {
    this.#events.clear();
    this.#keys.clear();
    this.#letters.clear();
    this.#found.fill(0);
    this.#lastSeqs.fill(-1);
    this.#letterCounts.fill(0);
    this.#findings = noFindings();
  }

  /** To be called for all letters before the first event. */
  addLetter(eventId: string): void {
    const letter = this.#letters.findOrAdd(hashOf([eventId]));
    if (letter >= this.#letterCounts.length) {
      const grown = new Uint8Array(this.#letterCounts.length * 2);
      grown.set(this.#letterCounts);
      this.#letterCounts = grown;
    }
    this.#letterCounts[letter] = countUp(this.#letterCounts[letter]!);
  }

  addEvent(event: LedgerEvent, status: Status): void {
    const entry = this.#events.add(event.identity);
    this.#contents[entry] = event.content;
    this.#seqs[entry] = event.seq;
    this.#keyOfEvent[entry] = this.#keyNumber(event.key);
    this.#flags[entry] = status | (event.isPoison ? POISON : 0);
    const letter = this.#letters.size === 0 ? -1 : this.#letters.find(hashOf([event.id]));
    if (letter >= 0) this.#found[entry] = this.#letterCounts[letter]!;
  }

  /** Whether an event of this pass has this identity. */
  has(identity: number): boolean {
    return this.#events.find(identity) >= 0;
  }

  /** To be called for all rows in the order of their ids, after the last event. */
  seeRow(identity: number, content: number): void {
    const entry = this.#entryOf(identity, content >>> 0);
    if (entry < 0) return;
    const times = this.#found[entry]!;
    this.#found[entry] = countUp(times);
    if (this.#contents[entry] !== content >>> 0) this.#findings.altered++;
    if (times > 0 || this.#flags[entry] !== ACCEPTED) return;
    const key = this.#keyOfEvent[entry]!;
    const seq = this.#seqs[entry]!;
    if (seq < this.#lastSeqs[key]!) this.#findings.outOfOrder++;
    else this.#lastSeqs[key] = seq;
  }

  finish(): Findings {
    const findings = this.#findings;
    for (let entry = 0; entry < this.#events.size; entry++) {
      const times = this.#found[entry]!;
      const status = this.#flags[entry]! & ~POISON;
      if (times > 1) findings.doubled++;
      if (times > 0 && status === REFUSED) findings.unexpected++;
      if (times === 0 && status === ACCEPTED) findings.missing++;
      if (times === 0 && status === UNKNOWN) findings.unknown++;
    }
    return findings;
  }

  /** Two events may share a hash by chance; the content then says whose row it is. */
  #entryOf(identity: number, content: number): number {
    const first = this.#events.find(identity);
    if (first < 0 || (this.#contents[first] === content && this.#found[first] === 0)) return first;
    let best = first;
    for (const entry of this.#events.findAll(identity)) {
      if (this.#contents[entry] !== content) continue;
      if (this.#found[entry] === 0) return entry;
      best = entry;
    }
    return best;
  }

  #keyNumber(key: string): number {
    const number = this.#keys.findOrAdd(hashOf([key]));
    if (number >= this.#lastSeqs.length) {
      const grown = new Int32Array(this.#lastSeqs.length * 2).fill(-1);
      grown.set(this.#lastSeqs);
      this.#lastSeqs = grown;
    }
    return number;
  }
}

function countUp(times: number): number {
  return Math.min(times + 1, 255);
}
