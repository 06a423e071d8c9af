/**
 * What one partition knows, what can happen to it, and what it asks for: the words of
 * `partition.ts`.
 */

import type { Batch, OpenBatch } from "./batch.ts";
import type { Checkpoint, Fetch, LogBounds, Trigger } from "./ports.ts";

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
  /** The topic whose log was seen to fit the row; nothing is read of another. */
  checkedTopicId: string | null;
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
    checkedTopicId: null,
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

/** The checkpoint as this partition believes it: where its oldest unanswered batch begins. */
export function loadedUpTo(state: PartitionState): number {
  return state.inFlight?.first ?? state.open?.first ?? state.mailbox?.first ?? state.position;
}

/** Bytes this partition keeps in memory; the batch in flight counts until it is answered. */
export function bytesHeld(state: PartitionState): number {
  return (state.open?.bytes ?? 0) + (state.inFlight?.bytes ?? 0) + (state.mailbox?.bytes ?? 0);
}

/** Whether the log has yet to be compared with the row before anything is read. */
export function awaitsInspection(state: PartitionState): boolean {
  return state.phase === "running" && state.checkedTopicId !== state.topicId;
}
