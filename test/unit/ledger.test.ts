/** The ledger: written and read back, cut into passes, and what a trial finds. */

import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ACCEPTED, hashOf, type LedgerEvent, REFUSED, UNKNOWN } from "../../src/ledger/format.ts";
import { HashIndex } from "../../src/ledger/hash_index.ts";
import { planLedger } from "../../src/ledger/passes.ts";
import { readLedger } from "../../src/ledger/reader.ts";
import { Trial } from "../../src/ledger/trial.ts";
import { LedgerWriter } from "../../src/ledger/writer.ts";

const folder = mkdtempSync(join(tmpdir(), "ledger-"));
afterAll(() => rmSync(folder, { recursive: true }));

const event = (n: number, more: Partial<LedgerEvent> = {}): LedgerEvent => ({
  n,
  id: `run-${n}`,
  key: `key ${n % 7} "水"`,
  seq: Math.floor(n / 7),
  identity: hashOf(["identity", String(n)]),
  content: hashOf(["content", String(n)]),
  isPoison: n % 5 === 0,
  ...more,
});

describe("file", () => {
  test("what was written is read back, and a cut last line is left out", () => {
    const path = join(folder, "round");
    const writer = new LedgerWriter(path, { stream: "telemetry", run: "r" });
    const events = Array.from({ length: 20_000 }, (_, n) => event(n));
    for (const one of events) writer.event(one);
    writer.answer(ACCEPTED, [0, 1, 2, 5, 6, 9]);
    writer.answer(REFUSED, [3, 19_999]);
    writer.again([1, 2]);
    writer.close();
    appendFileSync(path, '[20000,"run-2');

    const read: LedgerEvent[] = [];
    const header = readLedger(path, { event: (one) => read.push(one) });
    expect(header).toEqual({ millraceLedger: 1, stream: "telemetry", run: "r" });
    expect(read).toEqual(events);
    const plan = planLedger(path, 9_000);
    const statuses = [0, 1, 2, 3, 4, 5, 6, 7, 9, 19_999].map((n) => plan.statuses.of(n));
    expect(statuses).toEqual([1, 1, 1, 2, 0, 1, 1, 0, 1, 2]);
    expect(plan.again).toBe(2);
    expect(plan.events).toBe(20_000);
    expect(plan.passes.length).toBeGreaterThan(2);
    for (const { key } of events.slice(0, 7)) {
      expect(plan.passes.filter((pass) => pass.holds(key))).toHaveLength(1);
    }
    const inPass = (pass: typeof plan.passes[number]) =>
      events.filter((one) => pass.holds(one.key)).length;
    expect(plan.passes.map((pass) => pass.events)).toEqual(plan.passes.map(inPass));
  });

  test("only wanted keys are read, with escapes in them or without", () => {
    const path = join(folder, "wanted");
    const writer = new LedgerWriter(path, { stream: "telemetry", run: "r" });
    const keys = ["plain", 'with "quotes"', "back\\slash", "水"];
    for (let n = 0; n < 40; n++) writer.event(event(n, { key: keys[n % 4]! }));
    writer.close();
    for (const wanted of keys) {
      const read: string[] = [];
      readLedger(path, { wants: (key) => key === wanted, event: ({ key }) => read.push(key) });
      expect(read).toEqual(new Array(10).fill(wanted));
    }
  });

  test("an existing ledger is not written over, and another file is refused", () => {
    const path = join(folder, "twice");
    new LedgerWriter(path, { stream: "telemetry", run: "r" }).close();
    expect(() => new LedgerWriter(path, { stream: "telemetry", run: "r" })).toThrow(/exists/);
    const other = join(folder, "other");
    appendFileSync(other, '{"a":1}\n');
    expect(() => readLedger(other, {})).toThrow(/line 1 is damaged/);
  });
});

test("an index finds what was added, through growth and equal hashes", () => {
  const index = new HashIndex(4);
  const hashes = Array.from({ length: 5_000 }, (_, n) => hashOf([String(n)]));
  for (const hash of hashes) index.add(hash);
  const again = index.add(hashes[17]!);
  expect(hashes.map((hash) => index.find(hash))).toEqual(hashes.map((_, n) => n));
  expect([...index.findAll(hashes[17]!)]).toEqual([17, again]);
  expect(index.find(hashOf(["absent"]))).toBe(-1);
});

describe("trial", () => {
  const trialOf = (events: LedgerEvent[], status: 0 | 1 | 2, letters: string[] = []) => {
    const trial = new Trial(events.length);
    for (const letter of letters) trial.addLetter(letter);
    for (const one of events) trial.addEvent(one, status);
    return trial;
  };
  const good = Array.from({ length: 6 }, (_, n) => event(n, { key: "k", seq: n, isPoison: false }));
  const clean = { missing: 0, doubled: 0, outOfOrder: 0, altered: 0, unexpected: 0, unknown: 0 };
  const see = (trial: Trial, order: number[]) => {
    for (const n of order) trial.seeRow(good[n]!.identity, good[n]!.content);
    return trial.finish();
  };

  test("all in order is clean, with one of them dead", () => {
    const trial = trialOf(good, ACCEPTED, ["run-2", "foreign"]);
    expect(see(trial, [0, 1, 3, 4, 5])).toEqual(clean);
  });
  test("missing, doubled and out of order are told apart", () => {
    expect(see(trialOf(good, ACCEPTED), [0, 1, 2, 3, 4])).toEqual({ ...clean, missing: 1 });
    expect(see(trialOf(good, ACCEPTED), [0, 1, 2, 3, 4, 5, 5])).toEqual({ ...clean, doubled: 1 });
    expect(see(trialOf(good, ACCEPTED, ["run-1"]), [0, 1, 2, 3, 4, 5]))
      .toEqual({ ...clean, doubled: 1 });
    expect(see(trialOf(good, ACCEPTED), [0, 2, 1, 3, 4, 5])).toEqual({ ...clean, outOfOrder: 1 });
  });
  test("other content is altered, and refused events must be absent", () => {
    const trial = trialOf(good.slice(0, 1), ACCEPTED);
    trial.seeRow(good[0]!.identity, 1);
    expect(trial.finish()).toEqual({ ...clean, altered: 1 });
    expect(see(trialOf(good, REFUSED), [3])).toEqual({ ...clean, unexpected: 1 });
    expect(see(trialOf(good, UNKNOWN), [3, 3])).toEqual({ ...clean, doubled: 1, unknown: 5 });
  });
  test("two events that share a hash are two events", () => {
    const twins = [good[0]!, { ...good[1]!, identity: good[0]!.identity }];
    const trial = trialOf(twins, ACCEPTED);
    for (const one of twins) trial.seeRow(one.identity, one.content);
    expect(trial.finish()).toEqual(clean);
  });
});
