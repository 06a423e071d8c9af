/**
 * What kafkajs 2.2.4 does that we cannot live with, each with its reason. It is no longer
 * maintained, so these stay until another client passes the contract suite. They change nothing
 * for consumers and producers that are not ours.
 */

import type { EachBatchHandler, KafkaMessage } from "kafkajs";
import { hideAborted, type PartitionData } from "./aborted.ts";
import { Broker, Decoder, RequestQueue, Runner } from "./internals.js";

const PENDING_CHECK_MS = 10;

interface Queue {
  throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  pending: unknown[];
  checkPendingRequests(): void;
}

interface RunnerInternals {
  running: boolean;
  eachBatch: EachBatchHandler | null;
  consumerGroup: {
    groupId: string;
    assigned(): { topic: string; partitions: number[] }[];
    resolveOffset(position: { topic: string; partition: number; offset: string }): void;
  };
  instrumentationEmitter: { emit(event: string, payload: unknown): void };
  onCrash(error: Error): Promise<void>;
  heartbeat(): Promise<void>;
}

interface Batch {
  topic: string;
  partition: number;
  fetchedOffset: string;
  rawMessages: {
    offset: string;
    batchContext?: { firstOffset: string; lastOffsetDelta: number };
  }[];
  messages: KafkaMessage[];
}

/** A fetch of one partition, also when no message of it is left. */
export interface RawFetch {
  partition: number;
  from: number;
  next: number;
  messages: KafkaMessage[];
}

const HANDLER = Symbol("millrace: fetch handler");
const HEADERS = Symbol("millrace: headers");
const CRASH = "consumer.crash";

/** What to give to `consumer.run` as `eachBatch`; `handle` is called synchronously. */
export function fetchHandler(handle: (fetch: RawFetch) => void): EachBatchHandler {
  return Object.assign(() => Promise.resolve(), { [HANDLER]: handle });
}

/** A message's headers, in their order and with repeated names. */
export function headersOf(message: KafkaMessage): [name: string, value: Uint8Array | null][] {
  return (message.headers as { [HEADERS]?: [string, Uint8Array | null][] })?.[HEADERS] ?? [];
}

let patched = false;

export function patchKafkaJs(): void {
  if (patched) return;
  patched = true;
  RequestQueue.prototype.scheduleCheckPendingRequests = checkOnlyWhatIsPending;
  deliverEveryBatch();
  reportFailedRecovery();
  filterAbortedCorrectly();
  keepHeaderList();
}

/**
 * A negative wait makes every connection spin a 1 ms timer for ever: 4 % of a core each
 * (tulios/kafkajs #1751). It is enough to look when something is pending or throttled.
 */
function checkOnlyWhatIsPending(this: Queue): void {
  if (this.throttleCheckTimeoutId) return;
  let waitMs = this.throttledUntil - Date.now();
  if (waitMs <= 0) {
    if (this.pending.length === 0) return;
    waitMs = PENDING_CHECK_MS;
  }
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null;
    this.checkPendingRequests();
  }, waitMs);
}

/**
 * kafkajs keeps a fetch without records (control, aborted or compacted ones only) to itself and
 * moves on; the position would then lie before every later fetch. Everything is handed over.
 */
function deliverEveryBatch(): void {
  const original = Runner.prototype.handleBatch as (batch: Batch) => Promise<void>;
  Runner.prototype.handleBatch = async function (this: RunnerInternals, batch: Batch) {
    const handle = (this.eachBatch as { [HANDLER]?: (fetch: RawFetch) => void } | null)?.[HANDLER];
    if (!handle) return original.call(this, batch);
    if (!this.running) return;
    const { topic, partition, messages } = batch;
    const from = Number(batch.fetchedOffset);
    const next = endOf(batch);
    // Another fetcher may have joined a new generation while this batch waited: resolving a
    // partition of the old one would move, or break, what is not ours.
    if (next > from && isAssigned(this, topic, partition)) {
      handle({ partition, from, next, messages });
      this.consumerGroup.resolveOffset({ topic, partition, offset: String(next - 1) });
    }
    await this.heartbeat();
  };
}

/**
 * One past the last offset the broker sent. A record batch keeps its last offset when compaction
 * takes its last records, so its header is asked, not the last message.
 */
function endOf({ rawMessages, fetchedOffset }: Batch): number {
  const last = rawMessages.at(-1);
  if (!last) return Number(fetchedOffset);
  const { batchContext } = last;
  const lastOfBatch = batchContext
    ? Number(batchContext.firstOffset) + batchContext.lastOffsetDelta
    : Number(last.offset);
  return Math.max(lastOfBatch, Number(last.offset)) + 1;
}

function isAssigned(runner: RunnerInternals, topic: string, partition: number): boolean {
  return runner.consumerGroup.assigned()
    .some((one) => one.topic === topic && one.partitions.includes(partition));
}

/**
 * After a crash kafkajs disconnects and starts again in a promise that nobody awaits: where that
 * fails, the process would end with an unhandled rejection, or the consumer stand still without a
 * word. It becomes a crash without restart.
 */
function reportFailedRecovery(): void {
  const original = Runner.prototype.start as () => Promise<void>;
  Runner.prototype.start = function (this: RunnerInternals) {
    const recover = this.onCrash;
    this.onCrash = async (error) => {
      try {
        await recover(error);
      } catch (failure) {
        const { groupId } = this.consumerGroup;
        this.instrumentationEmitter.emit(CRASH, { error: failure, groupId, restart: false });
      }
    };
    return original.call(this);
  };
}

/** kafkajs lets aborted records through in two cases; see `aborted.ts`. */
function filterAbortedCorrectly(): void {
  type Answer = { responses: { partitions: PartitionData[] }[] };
  const original = Broker.prototype.fetch as (request: unknown) => Promise<Answer>;
  Broker.prototype.fetch = async function (this: unknown, request: unknown): Promise<Answer> {
    const answer = await original.call(this, request);
    for (const { partitions } of answer.responses) partitions.forEach(hideAborted);
    return answer;
  };
}

/**
 * kafkajs folds headers into an object: their order is lost, and a header named like a member of
 * Object.prototype ("constructor") becomes a list with a function in it. The list is kept beside.
 */
function keepHeaderList(): void {
  const original = Decoder.prototype.readVarIntArray;
  Decoder.prototype.readVarIntArray = function <T>(this: Decoder, reader: (from: Decoder) => T) {
    const list = original.call(this, reader) as T[];
    Object.defineProperty(list, "reduce", {
      value: () => foldHeaders(list as { key: string; value: Uint8Array | null }[]),
    });
    return list;
  };
}

function foldHeaders(list: { key: string; value: Uint8Array | null }[]): object {
  const folded: Record<string, unknown> = {};
  if (list.length === 0) return folded;
  for (const { key, value } of list) {
    const seen = Object.hasOwn(folded, key) ? folded[key] : undefined;
    const joined = seen === undefined
      ? value
      : Array.isArray(seen)
      ? [...seen, value]
      : [seen, value];
    Object.defineProperty(folded, key, {
      value: joined,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  Object.defineProperty(folded, HEADERS, { value: list.map(({ key, value }) => [key, value]) });
  return folded;
}
