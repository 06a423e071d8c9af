/** What must be true of a partition after every step, whatever happened before. */

import {
  type Batch,
  type Limits,
  loadedUpTo,
  type PartitionState,
} from "../../src/core/partition.ts";
import type { Checkpoint } from "../../src/core/ports.ts";
import { Violation } from "./oracle.ts";

export function checkState(state: PartitionState, limits: Limits): void {
  // `step` is pure: whoever writes to a state that was handed out throws from now on.
  Object.freeze(state);
  if (state.inFlight) Object.freeze(state.inFlight);
  if (state.mailbox) Object.freeze(state.mailbox);
  if (state.open) {
    Object.freeze(state.open);
    Object.freeze(state.open.records);
    checkSize(state.open, limits);
  }
  checkChain(state);
}

/** A partition may know less than the row says, never more. */
export function checkBelief(state: PartitionState, row: Checkpoint): void {
  if (state.phase !== "running" && state.phase !== "draining") return;
  const believed = loadedUpTo(state);
  if (state.epoch !== row.epoch || believed <= row.next) return;
  throw new Violation(`${state.owner} believes in ${believed}, but the row says ${row.next}`);
}

function checkSize(open: Batch, limits: Limits): void {
  if (open.records.length > limits.rowsMax) {
    throw new Violation(`The open batch has ${open.records.length} records`);
  }
  if (open.bytes > limits.bytesMax && open.records.length > 1) {
    throw new Violation(`The open batch has ${open.bytes} bytes`);
  }
  if (open.bytes !== sum(open)) throw new Violation(`The open batch miscounts its bytes`);
}

/** In flight, open, mailbox and position follow each other without a gap. */
function checkChain(state: PartitionState): void {
  const { inFlight, open, mailbox, position } = state;
  if (mailbox && mailbox.bytes !== sum(mailbox)) {
    throw new Violation(`The mailbox miscounts its bytes`);
  }
  if (mailbox && !open) throw new Violation(`The mailbox waits without an open batch`);
  const chain = [inFlight, open, mailbox].filter((part) => part !== null);
  if (state.phase !== "running" && state.phase !== "draining" && chain.length > 0) {
    throw new Violation(`A ${state.phase} partition keeps batches`);
  }
  for (const [i, part] of chain.entries()) {
    if (part.next <= part.first && part !== mailbox) {
      throw new Violation(`[${part.first}, ${part.next}) is no interval`);
    }
    const end = chain[i + 1]?.first ?? (state.phase === "draining" ? part.next : position);
    if (part.next !== end) throw new Violation(`A gap lies between ${part.next} and ${end}`);
  }
  if (open && !inFlight && open.due !== null) throw new Violation(`A due batch was not sealed`);
}

function sum(batch: Batch): number {
  return batch.records.reduce((bytes, record) => bytes + record.bytes, 0);
}
