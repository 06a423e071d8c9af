/** The partitioner against values of Java's client (UtilsTest.testMurmur2). */

import { Buffer } from "node:buffer";
import { expect, test } from "vitest";
import { murmur2, partitionOf } from "../../src/kafka/partitioner.ts";

test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
])("murmur2 of %s", (text, hash) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

test("bytes above 127 count as unsigned, a partition is never negative", () => {
  for (let length = 0; length < 40; length++) {
    const key = Buffer.alloc(length, 0xfb);
    const partition = partitionOf(key, 12);
    expect(partition).toBeGreaterThanOrEqual(0);
    expect(partition).toBeLessThan(12);
  }
  expect(partitionOf(Buffer.from("21"), 7)).toBe((-973932308 & 0x7fffffff) % 7);
});
