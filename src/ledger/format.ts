/**
 * The ledger: what was sent and what was answered, one JSON line each, so that a proof needs no
 * trust in what it proves. A line about an event is written before the event is sent, a line about
 * an answer after it; an event without an answer is unknown. Some 80 bytes an event.
 *
 * - `{"millraceLedger":1,"stream":"telemetry","run":"k3f9"}` is the first line
 * - `[n,"id","key",seq,identity,content]` an event; a 1 after it: it must become a dead letter
 * - `{"accepted":[from,to]}`, `{"refused":[from,to]}` answers, both ends included
 * - `{"again":[n,…]}` accepted events that were sent once more
 */

import { Hash } from "../core/job.ts";

export interface LedgerHeader {
  millraceLedger: 1;
  stream: string;
  run: string;
}

export interface LedgerEvent {
  /** 0, 1, 2 … in the order of making. */
  n: number;
  id: string;
  key: string;
  /** Rises with each event of its key. */
  seq: number;
  /** Hash of what makes two records the same event. */
  identity: number;
  /** Hash of the row's values. */
  content: number;
  isPoison: boolean;
}

export const UNKNOWN = 0;
export const ACCEPTED = 1;
export const REFUSED = 2;
export type Status = typeof UNKNOWN | typeof ACCEPTED | typeof REFUSED;

export interface LedgerAnswer {
  accepted?: [from: number, to: number];
  refused?: [from: number, to: number];
  again?: number[];
}

export function eventLine(event: LedgerEvent): string {
  const { n, id, key, seq, identity, content, isPoison } = event;
  const head = `[${n},${JSON.stringify(id)},${JSON.stringify(key)}`;
  return `${head},${seq},${identity},${content}${isPoison ? ",1" : ""}]\n`;
}

/** One hash of a list of values, where `["a", "bc"]` and `["ab", "c"]` differ, and null from "". */
export function hashOf(values: readonly (string | null)[]): number {
  const hash = new Hash();
  for (const value of values) {
    if (value === null) hash.text("|-");
    else {
      hash.text(`|${value.length}|`);
      hash.text(value);
    }
  }
  return hash.number();
}
