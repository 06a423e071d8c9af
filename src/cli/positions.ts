/**
 * What rows and dead letters say against their checkpoints, without any ledger: everything below
 * the checkpoint was counted, nothing lies beyond it, and ids rise with offsets.
 */

import type { CheckpointRow } from "../writer/checkpoints.ts";

interface Seen {
  rows: number;
  rowsBelow: number;
  letters: number;
  lettersBelow: number;
  last: number;
  /** Highest offset since the position was last moved back. */
  highest: number;
  resetsLeft: number;
}

export interface PositionFindings {
  missing: number;
  doubled: number;
  outOfOrder: number;
  /** At or beyond the checkpoint: they would be loaded again. */
  beyond: number;
}

export class Positions {
  readonly #before: Map<number, CheckpointRow>;
  readonly #resets: Map<number, number>;
  readonly #seen = new Map<number, Seen>();
  #outOfOrder = 0;

  /**
   * @param before the checkpoints before the first row was read: all below is committed.
   * @param resets how often a person moved a partition back or to another topic; offsets then
   * begin anew, and only totals can be compared.
   */
  constructor(before: CheckpointRow[], resets: Map<number, number>) {
    this.#before = new Map(before.map((row) => [row.kafkaPartition, row]));
    this.#resets = resets;
  }

  /** To be called in the order of the ids. */
  seeRow(partition: number, offset: number): void {
    const seen = this.#of(partition);
    seen.rows++;
    if (offset < this.#next(partition)) seen.rowsBelow++;
    if (offset <= seen.last) {
      if (seen.resetsLeft > 0) {
        seen.resetsLeft--;
        seen.highest = -1;
      } else this.#outOfOrder++;
    }
    seen.last = offset;
    seen.highest = Math.max(seen.highest, offset);
  }

  seeLetter(partition: number, offset: number): void {
    const seen = this.#of(partition);
    seen.letters++;
    if (offset < this.#next(partition)) seen.lettersBelow++;
  }

  /** @param after the checkpoints after the last row was read: nothing may lie beyond them. */
  finish(after: CheckpointRow[]): PositionFindings {
    const found = { missing: 0, doubled: 0, outOfOrder: this.#outOfOrder, beyond: 0 };
    const nextAfter = new Map(after.map((row) => [row.kafkaPartition, row.next]));
    for (const partition of new Set([...this.#before.keys(), ...this.#seen.keys()])) {
      const seen = this.#of(partition);
      const row = this.#before.get(partition);
      const hasResets = (this.#resets.get(partition) ?? 0) > 0;
      const isBeyond = seen.resetsLeft === 0 && seen.highest >= (nextAfter.get(partition) ?? 0);
      if (isBeyond && seen.rows > 0) found.beyond++;
      const rows = hasResets ? seen.rows : seen.rowsBelow;
      const letters = hasResets ? seen.letters : seen.lettersBelow;
      for (const surplus of [rows - (row?.rows ?? 0), letters - (row?.dead ?? 0)]) {
        if (surplus > 0) found.doubled += surplus;
        else found.missing -= surplus;
      }
    }
    return found;
  }

  #next(partition: number): number {
    return this.#before.get(partition)?.next ?? 0;
  }

  #of(partition: number): Seen {
    let seen = this.#seen.get(partition);
    if (!seen) {
      const resetsLeft = this.#resets.get(partition) ?? 0;
      const none = { rows: 0, rowsBelow: 0, letters: 0, lettersBelow: 0 };
      seen = { ...none, last: -1, highest: -1, resetsLeft };
      this.#seen.set(partition, seen);
    }
    return seen;
  }
}
