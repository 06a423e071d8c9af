/**
 * What kafkajs 2.2.4 does that we cannot live with, each with its reason. It is no longer
 * maintained, so these stay until another client passes the contract suite.
 */

import type { EachBatchPayload } from "kafkajs";
import { RequestQueue, Runner } from "./internals.js";

const PENDING_CHECK_MS = 10;

interface Queue {
  throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  pending: unknown[];
  checkPendingRequests(): void;
}

interface RunnerInternals {
  running: boolean;
  eachBatch(payload: Pick<EachBatchPayload, "batch">): Promise<void>;
  consumerGroup: {
    resolveOffset(position: { topic: string; partition: number; offset: string }): void;
  };
  heartbeat(): Promise<void>;
}

let patched = false;

export function patchKafkaJs(): void {
  if (patched) return;
  patched = true;
  RequestQueue.prototype.scheduleCheckPendingRequests = checkOnlyWhatIsPending;
  Runner.prototype.handleBatch = deliverEveryBatch;
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
async function deliverEveryBatch(
  this: RunnerInternals,
  batch: EachBatchPayload["batch"] & { rawMessages: unknown[]; lastOffset(): string },
): Promise<void> {
  if (!this.running) return;
  if (batch.rawMessages.length > 0) {
    await this.eachBatch({ batch });
    const { topic, partition } = batch;
    this.consumerGroup.resolveOffset({ topic, partition, offset: batch.lastOffset() });
  }
  await this.heartbeat();
}
