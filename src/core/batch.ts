/**
 * Batches: how records are taken from the mailbox into the open batch, and when it is sealed. A
 * batch never has more records than `rowsMax`, nor more bytes than `bytesMax` unless it is one
 * record.
 */

import type { LogRecord, Trigger } from "./ports.ts";

export interface Limits {
  rowsMax: number;
  bytesMax: number;
  /** Longest wait of an open batch. */
  lingerMs: number;
}

export interface Batch {
  first: number;
  next: number;
  records: LogRecord[];
  bytes: number;
}

export interface OpenBatch extends Batch {
  /** Its linger has passed, or it drains: it is sealed as soon as nothing is in flight. */
  due: Trigger | null;
}

export function openAt(offset: number): OpenBatch {
  return { first: offset, next: offset, records: [], bytes: 0, due: null };
}

/**
 * Takes from the mailbox what fits, at least one record into an empty batch, or none would ever
 * move. Answers the filled batch and what is left of the mailbox.
 */
export function fill(
  open: OpenBatch,
  mailbox: Batch,
  limits: Limits,
): { filled: OpenBatch; left: Batch | null } {
  let rows = open.records.length;
  let bytes = open.bytes;
  let taken = 0;
  for (const record of mailbox.records) {
    if (rows >= limits.rowsMax || (rows > 0 && bytes + record.bytes > limits.bytesMax)) break;
    rows++;
    taken++;
    bytes += record.bytes;
  }
  const records = open.records.concat(mailbox.records.slice(0, taken));
  const firstLeft = mailbox.records[taken];
  if (firstLeft === undefined) {
    return { filled: { ...open, next: mailbox.next, records, bytes }, left: null };
  }
  const left = {
    first: firstLeft.offset,
    next: mailbox.next,
    records: mailbox.records.slice(taken),
    bytes: mailbox.bytes - (bytes - open.bytes),
  };
  return { filled: { ...open, next: left.first, records, bytes }, left };
}

/** Why the batch is to be sealed now, if it is. */
export function sealTrigger(open: OpenBatch, limits: Limits, hasMailbox: boolean): Trigger | null {
  if (open.records.length >= limits.rowsMax) return "rows";
  if (open.bytes >= limits.bytesMax) return "bytes";
  // The next record would not fit: the batch is as full as it gets.
  if (hasMailbox) return "bytes";
  return open.due;
}
