/**
 * One partition of one pipeline, as a pure machine: `step(state, event, limits)` answers the new
 * state and what shall be done. No clock and no I/O, so that a seeded simulation can drive it.
 *
 * It promises: what it flushes are intervals `[first, next)` that follow each other without a gap,
 * beginning at the checkpoint; at most one batch is open and one in flight; an answer that is not
 * exactly the batch in flight makes it forget both and read again from where the row stands.
 */

import { type Batch, fill, type Limits, openAt, type OpenBatch, sealTrigger } from "./batch.ts";
import {
  awaitsInspection,
  type Effect,
  loadedUpTo,
  type PartitionEvent,
  type PartitionState,
} from "./partition_state.ts";
import type { Checkpoint, Fetch, LogBounds, Trigger } from "./ports.ts";

export type { Batch, Limits } from "./batch.ts";
export * from "./partition_state.ts";

export function step(
  before: PartitionState,
  event: PartitionEvent,
  limits: Limits,
): [PartitionState, Effect[]] {
  const effects: Effect[] = [];
  const state = { ...before, open: before.open && { ...before.open } };
  if (state.phase !== "drained") handle(state, event, limits, effects);
  return [state, effects];
}

function handle(
  state: PartitionState,
  event: PartitionEvent,
  limits: Limits,
  effects: Effect[],
): void {
  switch (event.type) {
    case "checkpoint":
      return followRow(state, event.row, event.version, effects);
    case "fetched":
      return takeFetch(state, event.fetch, limits, effects);
    case "refused":
      if (state.phase !== "running") return;
      state.rewind = true;
      return pause(state, effects);
    case "lingered":
      if (state.open?.first !== event.first) return;
      state.open.due ??= "linger";
      return advance(state, limits, effects);
    case "answered":
      return takeAnswer(state, event.jobId, event.row, limits, effects);
    case "vanished":
      if (state.inFlight?.jobId !== event.jobId) return;
      return forgetAndRead(state, effects);
    case "inspected":
      return inspect(state, event, effects);
    case "reassigned":
      return reassign(state, effects);
    case "drain":
      return drain(state, limits, effects);
  }
}

/** A reading of the row: the first one starts the partition, the others show a person's moves. */
function followRow(
  state: PartitionState,
  row: Checkpoint | null,
  version: number,
  effects: Effect[],
): void {
  if (version !== state.version) return;
  if (row === null) return stop(state, effects);
  if (state.phase === "starting" || state.phase === "stopped") return restart(state, row, effects);
  const expected = row.state === "run" && row.epoch === state.epoch &&
    (row.next === loadedUpTo(state) || row.next === state.inFlight?.next);
  if (!expected) return restart(state, row, effects);
  // Where a fetch was refused and nothing is under way, only time brings room.
  if (!state.open && !state.inFlight) catchUp(state, effects);
}

/** Forgets both batches and goes on from where the row stands. */
function restart(state: PartitionState, row: Checkpoint, effects: Effect[]): void {
  if (row.state !== "run") return stop(state, effects);
  if (state.phase === "draining") return finish(state, effects);
  forget(state);
  state.phase = "running";
  state.epoch = row.epoch;
  state.topicId = row.topicId;
  state.position = row.next;
  effects.push({ type: "inspect" }, { type: "seek", offset: row.next });
  // What lies at this offset of another topic is not what the row speaks of.
  if (awaitsInspection(state)) pause(state, effects);
  else resume(state, effects);
}

function forget(state: PartitionState): void {
  state.version++;
  state.open = null;
  state.inFlight = null;
  state.mailbox = null;
  state.rewind = false;
}

function stop(state: PartitionState, effects: Effect[]): void {
  if (state.phase === "draining") return finish(state, effects);
  if (state.phase !== "stopped") forget(state);
  state.phase = "stopped";
  pause(state, effects);
}

function forgetAndRead(state: PartitionState, effects: Effect[]): void {
  if (state.phase === "draining") return finish(state, effects);
  forget(state);
  state.phase = "starting";
  pause(state, effects);
  effects.push({ type: "read" });
}

/**
 * Takes a fetch only if the position lies in it: after a rebalance the log delivers fetches from
 * elsewhere before a seek takes effect, and a batch built on one of them would skip records.
 */
function takeFetch(state: PartitionState, fetch: Fetch, limits: Limits, effects: Effect[]): void {
  if (state.phase !== "running") return;
  if (state.mailbox !== null || state.rewind || awaitsInspection(state)) {
    state.rewind = true;
    return;
  }
  if (!(fetch.from <= state.position && state.position < fetch.next)) {
    // From elsewhere: an old position of the group's, or the log no longer has ours.
    effects.push({ type: "seek", offset: state.position }, { type: "inspect" });
    return;
  }
  const records = fetch.records.filter((record) => record.offset >= state.position);
  let bytes = 0;
  for (const record of records) bytes += record.bytes;
  state.mailbox = { first: state.position, next: fetch.next, records, bytes };
  state.position = fetch.next;
  advance(state, limits, effects);
}

function takeAnswer(
  state: PartitionState,
  jobId: string,
  row: Checkpoint,
  limits: Limits,
  effects: Effect[],
): void {
  const batch = state.inFlight;
  if (batch?.jobId !== jobId) return;
  const settled = row.epoch === state.epoch && row.next === batch.next && row.state === "run";
  if (!settled) return restart(state, row, effects);
  state.inFlight = null;
  state.version++;
  effects.push({ type: "commit", offset: row.next });
  advance(state, limits, effects);
}

/** Moves what it can: mailbox into the open batch, the open batch into flight, the log onwards. */
function advance(state: PartitionState, limits: Limits, effects: Effect[]): void {
  for (;;) {
    if (state.mailbox) fillOpen(state, state.mailbox, limits, effects);
    if (!state.open || state.inFlight) break;
    const trigger = sealTrigger(state.open, limits, state.mailbox !== null);
    if (trigger === null) break;
    flushOpen(state, state.open, trigger, effects);
  }
  if (state.phase === "draining") {
    if (!state.inFlight && !state.open) finish(state, effects);
  } else if (state.mailbox) {
    pause(state, effects);
  } else {
    catchUp(state, effects);
  }
}

function fillOpen(state: PartitionState, mailbox: Batch, limits: Limits, effects: Effect[]): void {
  if (!state.open) {
    effects.push({ type: "linger", first: mailbox.first, ms: limits.lingerMs });
  }
  const { filled, left } = fill(state.open ?? openAt(mailbox.first), mailbox, limits);
  state.open = filled;
  state.mailbox = left;
}

function flushOpen(
  state: PartitionState,
  open: OpenBatch,
  trigger: Trigger,
  effects: Effect[],
): void {
  const { first, next, records, bytes } = open;
  const jobId = `${first}-${next}-${state.owner}-${++state.jobs}`;
  state.inFlight = { jobId, first, next, bytes };
  state.open = null;
  const batch = { first, next, records, bytes };
  const { epoch, topicId } = state;
  effects.push({ type: "flush", jobId, epoch, topicId, batch, trigger });
}

/** Reads on: back to the position if fetches were dropped, and without a pause. */
function catchUp(state: PartitionState, effects: Effect[]): void {
  if (state.phase !== "running" || state.mailbox || awaitsInspection(state)) return;
  if (state.rewind) {
    state.rewind = false;
    effects.push({ type: "seek", offset: state.position });
  }
  resume(state, effects);
}

/**
 * Compares the log with the row: another topic under the same name, a checkpoint beyond the log's
 * end, or one older than its beginning. Nothing is skipped silently: a person says how to go on.
 */
function inspect(
  state: PartitionState,
  seen: { bounds: LogBounds; epoch: string; loaded: number },
  effects: Effect[],
): void {
  if (state.phase !== "running" || seen.epoch !== state.epoch) return;
  const reason = haltReason(state, seen.bounds, seen.loaded);
  if (reason === null) {
    if (!awaitsInspection(state)) return lookAgain(state, seen, effects);
    state.checkedTopicId = state.topicId;
    return catchUp(state, effects);
  }
  effects.push({ type: "halt", epoch: state.epoch, reason });
  forgetAndRead(state, effects);
}

/** The log has more, but brought nothing since it was asked: it may have lost the position. */
function lookAgain(
  state: PartitionState,
  seen: { bounds: LogBounds; loaded: number },
  effects: Effect[],
): void {
  if (state.open || state.inFlight || state.position !== seen.loaded) return;
  if (seen.bounds.high > state.position) effects.push({ type: "seek", offset: state.position });
}

function haltReason(state: PartitionState, bounds: LogBounds, loaded: number): string | null {
  const { topicId, low, high } = bounds;
  if (topicId !== state.topicId) {
    return `HALT_TOPIC_IDENTITY: The topic was deleted and made again (id ${topicId}, ` +
      `was ${state.topicId}); adopt it to read from its beginning`;
  }
  if (loaded > high) {
    return `HALT_LOG_END: The checkpoint ${loaded} lies beyond the end of the log ${high}; ` +
      `the log has lost records, adopt to go on at its end`;
  }
  if (state.position < low) {
    return `HALT_RETENTION: ${low - state.position} offsets from ${state.position} were deleted ` +
      `before they were loaded (the log begins at ${low}); adopt to go on there`;
  }
  return null;
}

function reassign(state: PartitionState, effects: Effect[]): void {
  if (state.phase === "running") effects.push({ type: "seek", offset: state.position });
  effects.push({ type: state.paused ? "pause" : "resume" });
}

/** Accepts no more; what is open is flushed, and when all is answered it is drained. */
function drain(state: PartitionState, limits: Limits, effects: Effect[]): void {
  if (state.phase !== "running") return finish(state, effects);
  state.phase = "draining";
  state.mailbox = null;
  pause(state, effects);
  if (state.open) state.open.due = "drain";
  advance(state, limits, effects);
}

function finish(state: PartitionState, effects: Effect[]): void {
  forget(state);
  state.phase = "drained";
  effects.push({ type: "drained" });
}

function pause(state: PartitionState, effects: Effect[]): void {
  if (state.paused) return;
  state.paused = true;
  effects.push({ type: "pause" });
}

function resume(state: PartitionState, effects: Effect[]): void {
  if (!state.paused) return;
  state.paused = false;
  effects.push({ type: "resume" });
}
