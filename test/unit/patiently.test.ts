/** What may pass is tried again, what may not is told at once. */

import { expect, test } from "vitest";
import { patiently } from "../../src/kafka/patiently.ts";

function failing(times: number, error: Error) {
  let calls = 0;
  const work = () => ++calls <= times ? Promise.reject(error) : Promise.resolve(calls);
  return { work, calls: () => calls };
}

test("a retriable error is tried again, also below a wrapper", async () => {
  const plain = Object.assign(new Error("not the leader"), { retriable: true });
  expect(await patiently(5_000, failing(2, plain).work)).toBe(3);
  expect(await patiently(5_000, failing(1, new Error("wrapped", { cause: plain })).work)).toBe(2);
});

test("another error, and a passed deadline, are told", async () => {
  const other = failing(1, new Error("authorization failed"));
  await expect(patiently(5_000, other.work)).rejects.toThrow("authorization");
  expect(other.calls()).toBe(1);
  const plain = Object.assign(new Error("not the leader"), { retriable: true });
  await expect(patiently(-1, failing(9, plain).work)).rejects.toThrow("leader");
});
