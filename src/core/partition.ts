/**
 * One partition of one pipeline, as a pure machine: `step(state, event, limits)` answers the new
 * state and what shall be done. No clock and no I/O, so that a seeded simulation can drive it.
 *
 * It promises: what it flushes are intervals `[first, next)` that follow each other without a gap,
 * beginning at the checkpoint; at most one batch is open and one in flight; an answer that is not
 * exactly the batch in flight makes it forget both and read again from where the row stands.
 */

import type { Checkpoint, Fetch, LogBounds, LogRecord, Trigger } from "./ports.ts";

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
  /** Its linger has passed, or the partition drains: it is sealed as soon as nothing is in flight. */
  due: Trigger | null;
}

export interface InFlight {
  jobId: string;
  first: number;
  next: number;
  bytes: number;
}

export interface PartitionState {
  /** `starting` waits for the checkpoint row, `stopped` for a row that says run. */
  phase: "starting" | "running" | "stopped" | "draining" | "drained";
  /** Names this incarnation of the actor, so that its job ids are nobody else's. */
  owner: string;
  epoch: string;
  topicId: string;
  /** Grows whenever the position is set or moves; dates the readings of the row. */
  version: number;
  /** Where the next fetch shall begin: the end of all that was taken. */
  position: number;
  open: OpenBatch | null;
  inFlight: InFlight | null;
  /** What a full partition could not take of its last fetch. */
  mailbox: Batch | null;
  /** The log was told to hold back. */
  paused: boolean;
  /** Fetches were dropped while there was no room: go back to `position` when there is. */
  rewind: boolean;
  jobs: number;
}

export type PartitionEvent =
  /** The row as it was read at `version`; `null` when there is none. */
  | { type: "checkpoint"; row: Checkpoint | null; version: number }
  | { type: "fetched"; fetch: Fetch }
  /** A fetch arrived that the process has no memory for; it was dropped. */
  | { type: "refused" }
  | { type: "lingered"; first: number }
  | { type: "answered"; jobId: string; row: Checkpoint }
  /** The flusher does not know the job any more, and there is no answer. */
  | { type: "vanished"; jobId: string }
  /** The log's bounds, asked for when this partition had loaded up to `loaded` in `epoch`. */
  | { type: "inspected"; bounds: LogBounds; epoch: string; loaded: number }
  /** The group was rebalanced and the partition stayed: the log has forgotten seek and pause. */
  | { type: "reassigned" }
  | { type: "drain" };

export type Effect =
  | { type: "read" }
  | { type: "seek"; offset: number }
  | { type: "pause" }
  | { type: "resume" }
  | { type: "linger"; first: number; ms: number }
  | {
    type: "flush";
    jobId: string;
    epoch: string;
    topicId: string;
    batch: Batch;
    trigger: Trigger;
  }
  | { type: "commit"; offset: number }
  /** Ask the log for its bounds and the topic's id. */
  | { type: "inspect" }
  | { type: "halt"; epoch: string; reason: string }
  | { type: "drained" };

export function startPartition(owner: string): [PartitionState, Effect[]] {
  const state: PartitionState = {
    phase: "starting",
    owner,
    epoch: "",
    topicId: "",
    version: 0,
    position: -1,
    open: null,
    inFlight: null,
    mailbox: null,
    paused: true,
    rewind: false,
    jobs: 0,
  };
  return [state, [{ type: "pause" }, { type: "read" }]];
}

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

/** The checkpoint as this partition believes it: where its oldest unanswered batch begins. */
export function loadedUpTo(state: PartitionState): number {
  return state.inFlight?.first ?? state.open?.first ?? state.mailbox?.first ?? state.position;
}

/** Bytes this partition keeps in memory; the batch in flight counts until it is answered. */
export function bytesHeld(state: PartitionState): number {
  return (state.open?.bytes ?? 0) + (state.inFlight?.bytes ?? 0) + (state.mailbox?.bytes ?? 0);
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
  resume(state, effects);
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
  if (state.mailbox !== null || state.rewind) {
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
    const trigger = sealTrigger(state, limits);
    if (trigger === null || state.inFlight || !state.open) break;
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

/** Why the open batch is to be sealed now, if it is. */
function sealTrigger(state: PartitionState, limits: Limits): Trigger | null {
  const open = state.open;
  if (!open) return null;
  if (open.records.length >= limits.rowsMax) return "rows";
  if (open.bytes >= limits.bytesMax) return "bytes";
  // The next record would not fit: the batch is as full as it gets.
  if (state.mailbox) return "bytes";
  return open.due;
}

/** Takes from the mailbox what fits; at least one record, or none would ever move. */
function fillOpen(state: PartitionState, mailbox: Batch, limits: Limits, effects: Effect[]): void {
  if (!state.open) {
    state.open = { first: mailbox.first, next: mailbox.first, records: [], bytes: 0, due: null };
    effects.push({ type: "linger", first: mailbox.first, ms: limits.lingerMs });
  }
  const open = state.open;
  let rows = open.records.length;
  let bytes = open.bytes;
  let taken = 0;
  for (const record of mailbox.records) {
    if (rows >= limits.rowsMax || (rows > 0 && bytes + record.bytes > limits.bytesMax)) break;
    rows++;
    taken++;
    bytes += record.bytes;
  }
  const left = mailbox.bytes - (bytes - open.bytes);
  open.records = open.records.concat(mailbox.records.slice(0, taken));
  open.bytes = bytes;
  if (taken === mailbox.records.length) {
    open.next = mailbox.next;
    state.mailbox = null;
    return;
  }
  open.next = mailbox.records[taken]!.offset;
  state.mailbox = {
    first: open.next,
    next: mailbox.next,
    records: mailbox.records.slice(taken),
    bytes: left,
  };
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
  if (state.phase !== "running" || state.mailbox) return;
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
  if (reason === null) return;
  effects.push({ type: "halt", epoch: state.epoch, reason });
  forgetAndRead(state, effects);
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
