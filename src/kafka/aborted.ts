/**
 * Which records of a fetch belong to aborted transactions. kafkajs's own filter starts at most one
 * aborted transaction a record, so where two are open at a fetch's beginning, or compaction left a
 * hole, records of the second pass; and it takes any record with the key 00 00 00 00 for the end
 * of one. This is the rule of Kafka's own client.
 */

export interface RawMessage {
  offset: string;
  key: Uint8Array | null;
  isControlRecord: boolean;
  batchContext?: { producerId: string; inTransaction: boolean };
}

export interface PartitionData {
  messages: RawMessage[];
  abortedTransactions: { producerId: string; firstOffset: string }[] | null;
}

const ABORT = 0;

/** Marks aborted records as control records, which kafkajs keeps to itself but counts. */
export function hideAborted(partition: PartitionData): void {
  const waiting = (partition.abortedTransactions ?? [])
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((a, b) => a.firstOffset - b.firstOffset);
  if (waiting.length === 0) return;
  partition.abortedTransactions = [];
  const aborted = new Set<string>();
  for (const message of partition.messages) {
    const offset = Number(message.offset);
    while (waiting.length > 0 && waiting[0]!.firstOffset <= offset) {
      aborted.add(waiting.shift()!.producerId);
    }
    if (!message.batchContext) continue;
    const { producerId, inTransaction } = message.batchContext;
    if (message.isControlRecord) {
      if (isAbortMarker(message.key)) aborted.delete(producerId);
    } else if (inTransaction && aborted.has(producerId)) {
      message.isControlRecord = true;
    }
  }
}

/** A control record's key: version and type, 16 bits each. */
function isAbortMarker(key: Uint8Array | null): boolean {
  return key !== null && key.length >= 4 && (key[2]! << 8 | key[3]!) === ABORT;
}
