/**
 * The words all parts share, and the ports between the pure core and the world. An adapter
 * implements a port and is held to it by the contract suite in `test/contract`, which its
 * in-memory twin passes as well.
 */

/** One partition of one pipeline: a pipeline is a stream together with one of its sinks. */
export interface PartitionKey {
  stream: string;
  sink: string;
  partition: number;
}

/** Bytes as they travel in a job: text where they are UTF-8, otherwise base64 in a list of one. */
export type Bytes = string | [base64: string];

/** A record of the log. Every record is framed by itself: values are never joined. */
export interface LogRecord {
  offset: number;
  timestampMs: number;
  key: Bytes | null;
  /** The event id from the header `id`. */
  id: string | null;
  /** The other headers, in order; a name may occur twice. */
  headers: [name: string, value: Bytes][];
  value: Bytes | null;
  /** What the record holds of memory, about: key, value, headers. */
  bytes: number;
}

/**
 * What one fetch brought: every record the log still has in `[from, next)`. `from` is the offset
 * that was asked for, `next` one past the last offset the broker sent, control and aborted records
 * included, even when no record is left.
 */
export interface Fetch {
  from: number;
  next: number;
  records: LogRecord[];
}

/** Where a partition's log begins and ends, and which topic it is. */
export interface LogBounds {
  topicId: string;
  /** Oldest offset that can still be read. */
  low: number;
  /** One past the newest offset. */
  high: number;
}

/** The log of one topic, read by one consumer group. */
export interface Log {
  /** Joins the group; the handlers are called, in turn and without awaiting, from then on. */
  start(handlers: LogHandlers): Promise<void>;
  /** Leaves the group. */
  stop(): Promise<void>;
  /** The next fetches begin at `offset`; fetches already under way may still arrive. */
  seek(partition: number, offset: number): void;
  pause(partition: number): void;
  resume(partition: number): void;
  bounds(): Promise<Map<number, LogBounds>>;
  /** Tells the group's position to the broker, for lag tools only; never throws. */
  commit(partition: number, offset: number): Promise<void>;
}

export interface LogHandlers {
  /** All partitions this member now has, after every rebalance. */
  assigned(partitions: number[]): void;
  fetched(partition: number, fetch: Fetch): void;
  /** The log cannot go on by itself. */
  crashed(error: Error): void;
}

export type RunState = "run" | "pause" | "halt";

/** A checkpoint row: everything below `next` is in its table or in the dead letters. */
export interface Checkpoint {
  /** Random 64-bit number in decimal, renewed whenever a person moves the position. */
  epoch: string;
  next: number;
  state: RunState;
  /** Why it is paused or halted: `HALT_… : sentence`. */
  reason: string | null;
  topicId: string;
}

export interface Checkpoints {
  /** Rows by partition; a partition without a row is absent, which never means 0. */
  read(stream: string, sink: string): Promise<Map<number, Checkpoint>>;
  /** Halts the partition, if it still runs in this epoch. The reason is kept in the row. */
  halt(key: PartitionKey, epoch: string, reason: string): Promise<void>;
}

export type Trigger = "rows" | "bytes" | "linger" | "drain";

/** A sealed batch on its way: the records of `[first, next)`, with what the fence needs. */
export interface Job extends PartitionKey {
  version: number;
  /** Used once; names the answer too. */
  id: string;
  epoch: string;
  /** The topic the records lie in; makes the id of a record that brought none. */
  topicId: string;
  first: number;
  next: number;
  count: number;
  trigger: Trigger;
  records: LogRecord[];
  checksum: string;
}

/** Where an asked-for job stands; `answered` carries the row as its writer left it. */
export type JobStatus =
  | { state: "waiting" }
  | { state: "answered"; row: Checkpoint }
  | { state: "gone" };

/** Carries jobs to writers. Nothing in it is unique: it may lose, repeat, delay and reorder. */
export interface Flusher {
  /** Adds the job, after what of its own partition still waits has been removed. */
  submit(job: Job): Promise<void>;
  /** One round trip for all; the answer is in the order of the question. */
  ask(jobs: Pick<Job, "stream" | "sink" | "partition" | "id">[]): Promise<JobStatus[]>;
  /** Called with each answer that arrives by itself. An answer may also never arrive. */
  onAnswer(listener: (jobId: string, row: Checkpoint) => void): void;
  close(): Promise<void>;
}

/**
 * Where rows go. `settle` follows the writer's rule (see `rule.ts`) in one transaction and answers
 * where the checkpoint row stands afterwards. It throws `TransientError` when the same job shall be
 * run again; every other way out is an answer.
 */
export interface Sink {
  settle(job: Job): Promise<Checkpoint>;
}

export interface Clock {
  /** Monotonic milliseconds: never goes back, says nothing about the date. */
  nowMs(): number;
  /** Calls once after `ms`; the answer cancels. */
  after(ms: number, call: () => void): () => void;
}
