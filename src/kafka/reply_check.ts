/**
 * What a produce reply proves. kafkajs can resolve a send although a partition's records were
 * never sent: a leader that moves during its retry is taken for a broker that already answered
 * (hazards K1). So only a partition that the reply names, without error and with an offset, counts.
 */

import type { RecordMetadata } from "kafkajs";

/** The base offset of each acknowledged partition; every other partition counts as not sent. */
export function acknowledgedOffsets(
  topic: string,
  sent: Iterable<number>,
  reply: readonly RecordMetadata[],
): Map<number, number> {
  const acknowledged = new Map<number, number>();
  for (const partition of sent) {
    const answer = reply.find((one) => one.topicName === topic && one.partition === partition);
    if (answer === undefined || answer.errorCode !== 0) continue;
    const baseOffset = Number(answer.baseOffset);
    if (Number.isSafeInteger(baseOffset) && baseOffset >= 0) {
      acknowledged.set(partition, baseOffset);
    }
  }
  return acknowledged;
}
