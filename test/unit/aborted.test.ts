/** Which records of a fetch are aborted, by the rule of Kafka's own client. */

import { expect, test } from "vitest";
import { hideAborted, type RawMessage } from "../../src/kafka/aborted.ts";

const ABORT = Uint8Array.of(0, 0, 0, 0);
const COMMIT = Uint8Array.of(0, 0, 0, 1);

function data(offset: number, producerId: string, key: Uint8Array | null = null): RawMessage {
  const batchContext = { producerId, inTransaction: true };
  return { offset: String(offset), key, isControlRecord: false, batchContext };
}

const marker = (offset: number, producerId: string, key: Uint8Array): RawMessage => ({
  ...data(offset, producerId, key),
  isControlRecord: true,
});

function visible(messages: RawMessage[], aborted: [producerId: string, firstOffset: number][]) {
  const partition = {
    messages,
    abortedTransactions: aborted.map(([producerId, firstOffset]) => ({
      producerId,
      firstOffset: String(firstOffset),
    })),
  };
  hideAborted(partition);
  return messages.filter((one) => !one.isControlRecord).map((one) => Number(one.offset));
}

test("two transactions that began below the fetch", () => {
  const messages = [
    data(10, "b"),
    data(11, "a"),
    marker(12, "a", ABORT),
    marker(13, "b", ABORT),
    data(14, "a"),
    marker(15, "a", COMMIT),
  ];
  expect(visible(messages, [["a", 2], ["b", 3]])).toEqual([14]);
});

test("a user's key that looks like a marker ends nothing", () => {
  const messages = [data(0, "a", ABORT), data(1, "a"), marker(2, "a", ABORT), data(3, "a")];
  expect(visible(messages, [["a", 0]])).toEqual([3]);
});

test("committed, aborted and committed again by one producer", () => {
  const messages = [
    data(0, "a"),
    marker(1, "a", COMMIT),
    data(2, "a"),
    marker(3, "a", ABORT),
    data(4, "a"),
    marker(5, "a", COMMIT),
    data(6, "a"),
    marker(7, "a", ABORT),
  ];
  expect(visible(messages, [["a", 6], ["a", 2]])).toEqual([0, 4]);
});

test("records outside of transactions stay", () => {
  const plain = { ...data(1, "a"), batchContext: { producerId: "a", inTransaction: false } };
  expect(visible([data(0, "a"), plain, marker(2, "a", ABORT)], [["a", 0]])).toEqual([1]);
  expect(visible([data(0, "a")], [])).toEqual([0]);
});
