/** The checksum covers the whole job, and the rule minds all it says. */

import { describe, expect, test } from "vitest";
import { isIntact, sealJob } from "../../src/core/job.ts";
import type { Job, LogRecord } from "../../src/core/ports.ts";
import { mayApply } from "../../src/core/rule.ts";
import { record, rowAt } from "../support/partition.ts";

const rich: LogRecord = {
  ...record(11),
  id: "id-1",
  headers: [["traceparent", "00-a"], ["raw", ["/w=="]]],
};

const job: Job = sealJob({
  stream: "telemetry",
  sink: "rows",
  partition: 3,
  id: "10-13-me-1",
  epoch: "1",
  topicId: "topic",
  first: 10,
  next: 13,
  trigger: "rows",
  records: [record(10), rich, record(12)],
});

const withRecord = (changed: Partial<LogRecord>): Partial<Job> => ({
  records: [record(10), { ...rich, ...changed }, record(12)],
});

describe("a sealed job", () => {
  test("is intact, also after its journey as JSON", () => {
    expect(isIntact(job)).toBe(true);
    expect(isIntact(JSON.parse(JSON.stringify(job)) as Job)).toBe(true);
  });

  test.each<[string, Partial<Job>]>([
    ["version", { version: 2 }],
    ["stream", { stream: "telemetry2" }],
    ["sink", { sink: "row" }],
    ["partition", { partition: 4 }],
    ["epoch", { epoch: "2" }],
    ["topicId", { topicId: "other" }],
    ["first", { first: 9 }],
    ["next", { next: 14 }],
    ["count", { count: 2 }],
    ["checksum", { checksum: "00000000000000" }],
    ["a record less", { records: [record(10), rich] }],
    ["a record less, and the count", { records: [record(10), rich], count: 2 }],
    ["a record more", { records: [record(10), rich, record(12), record(13)], count: 4 }],
    ["two records exchanged", { records: [rich, record(10), record(12)] }],
    ["a record's offset", withRecord({ offset: 12 })],
    ["a record's time", withRecord({ timestampMs: 2 })],
    ["a record's key", withRecord({ key: "device-2" })],
    ["a record's key taken away", withRecord({ key: null })],
    ["a record's id", withRecord({ id: "id-2" })],
    ["a record's value", withRecord({ value: `{"n":12}` })],
    ["a record's value taken away", withRecord({ value: null })],
    ["a record's value emptied", withRecord({ value: "" })],
    ["text that becomes base64", withRecord({ value: [rich.value as string] })],
    ["a header's name", withRecord({ headers: [["tracepareny", "00-a"], ["raw", ["/w=="]]] })],
    ["a header's value", withRecord({ headers: [["traceparent", "00-b"], ["raw", ["/w=="]]] })],
    ["a header less", withRecord({ headers: [["traceparent", "00-a"]] })],
    ["headers exchanged", withRecord({ headers: [...rich.headers].reverse() })],
    ["text moved from key to id", withRecord({ key: "device-", id: "1id-1" })],
  ])("is not intact with another %s", (_, changed) => {
    expect(isIntact({ ...job, ...changed })).toBe(false);
  });

  test("differs from every other in its checksum", () => {
    const checksums = Array.from({ length: 2_000 }, (_, n) => {
      const { version: _v, count: _c, checksum: _s, ...unsealed } = job;
      return sealJob({ ...unsealed, records: [{ ...rich, value: `{"n":${n}}` }] }).checksum;
    });
    expect(new Set(checksums).size).toBe(checksums.length);
    expect(checksums.every((checksum) => /^[0-9a-f]{14}$/.test(checksum))).toBe(true);
  });
});

describe("the writer's rule", () => {
  test("lets a job through that joins a running row of its epoch", () => {
    expect(mayApply(rowAt(10), job)).toBe(true);
  });

  test.each([
    ["stands further on", rowAt(13)],
    ["stands further back", rowAt(9)],
    ["is of another epoch", rowAt(10, { epoch: "2" })],
    ["is paused", rowAt(10, { state: "pause" })],
    ["is halted", rowAt(10, { state: "halt" })],
  ])("lets nothing through where the row %s", (_, row) => {
    expect(mayApply(row, job)).toBe(false);
  });

  test("lets nothing through that was edited, or that goes nowhere", () => {
    expect(mayApply(rowAt(10), { ...job, next: 20 })).toBe(false);
    const { version: _v, count: _c, checksum: _s, ...unsealed } = job;
    expect(mayApply(rowAt(10), sealJob({ ...unsealed, next: 10, records: [] }))).toBe(false);
  });
});
