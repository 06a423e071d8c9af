/** One partition's life, as the core tells it. */

import { describe, expect, test } from "vitest";
import { PartitionDriver, rowAt } from "../support/partition.ts";

describe("starting", () => {
  test("begins where its row stands, never anywhere else", () => {
    const driver = new PartitionDriver();
    expect(driver.asked).toEqual(["pause", "read"]);
    driver.fetch(0, 10);
    expect(driver.state.open).toBeNull();
    driver.read(rowAt(7));
    expect(driver.effects).toContainEqual({ type: "seek", offset: 7 });
    expect(driver.inspected(0, 9).asked).toContain("resume");
  });

  test("reads nothing before the log was seen to be the row's", () => {
    const driver = new PartitionDriver().read(rowAt(7));
    expect(driver.asked).not.toContain("resume");
    expect(driver.fetch(7, 9).state.open).toBeNull();
    driver.inspected(0, 9, "made again");
    expect(driver.effects[0]).toMatchObject({ type: "halt" });
    driver.read(rowAt(0, { epoch: "2", topicId: "made again" }));
    expect(driver.asked).not.toContain("resume");
    expect(driver.inspected(0, 9, "made again").asked).toContain("resume");
  });

  test("without a row it stands still, and goes on when there is one", () => {
    const driver = new PartitionDriver().read(null);
    expect(driver.state.phase).toBe("stopped");
    expect(driver.read(rowAt(0)).state.phase).toBe("running");
  });

  test("a paused row keeps it paused until it runs again", () => {
    const driver = new PartitionDriver().read(rowAt(3, { state: "pause", reason: "release" }));
    expect(driver.state.phase).toBe("stopped");
    expect(driver.fetch(3, 5).state.open).toBeNull();
    driver.read(rowAt(3));
    expect(driver.state).toMatchObject({ phase: "running", position: 3 });
  });
});

describe("the interval rule", () => {
  test("takes of a fetch what lies at and after its position", () => {
    const driver = PartitionDriver.runningAt(5).fetch(2, 9);
    expect(driver.state.open).toMatchObject({ first: 5, next: 9 });
    expect(driver.state.open?.records.map(({ offset }) => offset)).toEqual([5, 6, 7, 8]);
  });

  test.each([["further on", 6, 9], ["all behind", 0, 5]])(
    "drops a fetch from %s, seeks, and looks at the log",
    (_, from, next) => {
      const driver = PartitionDriver.runningAt(5).fetch(from, next);
      expect(driver.state).toMatchObject({ open: null, position: 5 });
      expect(driver.effects).toEqual([{ type: "seek", offset: 5 }, { type: "inspect" }]);
    },
  );

  test("believes in a hole inside one fetch", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 20, [3, 11]).linger();
    expect(driver.flushed[0]?.batch).toMatchObject({ first: 0, next: 20 });
  });

  test("moves the checkpoint over a fetch without records", () => {
    const driver = PartitionDriver.runningAt(4).fetch(4, 6, []).linger();
    expect(driver.flushed[0]?.batch).toMatchObject({ first: 4, next: 6, records: [] });
  });
});

describe("batches", () => {
  test("one batch follows the other without a gap", () => {
    const driver = PartitionDriver.runningAt(0, { rowsMax: 3 }).fetch(0, 3);
    expect(driver.flushed[0]).toMatchObject({ trigger: "rows", batch: { first: 0, next: 3 } });
    driver.fetch(3, 6);
    expect(driver.state.inFlight).toMatchObject({ first: 0, next: 3 });
    expect(driver.state.open).toMatchObject({ first: 3, next: 6 });
  });

  test("only one is in flight: a full one waits for the answer", () => {
    const driver = PartitionDriver.runningAt(0, { rowsMax: 3 }).fetch(0, 3).fetch(3, 6);
    expect(driver.flushed).toEqual([]);
    driver.answer();
    expect(driver.flushed[0]?.batch).toMatchObject({ first: 3, next: 6 });
  });

  test("are sealed by bytes before the record that would not fit", () => {
    const driver = PartitionDriver.runningAt(0, { bytesMax: 25 }).fetch(0, 3);
    expect(driver.flushed[0]).toMatchObject({ trigger: "bytes", batch: { first: 0, next: 2 } });
  });

  test("a record larger than a batch goes alone", () => {
    const driver = PartitionDriver.runningAt(0, { bytesMax: 5 }).fetch(0, 2);
    expect(driver.flushed[0]?.batch).toMatchObject({ first: 0, next: 1, bytes: 10 });
  });

  test("are sealed when their linger has passed, and not by another's", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 2);
    expect(driver.effects).toContainEqual({ type: "linger", first: 0, ms: 50 });
    expect(driver.send({ type: "lingered", first: 9 }).flushed).toEqual([]);
    expect(driver.linger().flushed[0]?.trigger).toBe("linger");
  });

  test("job ids name the interval and are never used twice", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 2).linger();
    const before = driver.flushed[0]?.jobId;
    driver.send({ type: "vanished", jobId: before! }).read(rowAt(0)).fetch(0, 2).linger();
    expect(before).toMatch(/^0-2-me-/);
    expect(driver.flushed[0]?.jobId).toMatch(/^0-2-me-/);
    expect(driver.flushed[0]?.jobId).not.toBe(before);
  });
});

describe("the mailbox", () => {
  /** [0, 2) in flight, [2, 4) open and full, [4, 6) in the mailbox. */
  const full = () => PartitionDriver.runningAt(0, { rowsMax: 2 }).fetch(0, 6);

  test("keeps what a full partition could not take, and holds the log back", () => {
    expect(full().state).toMatchObject({
      inFlight: { first: 0, next: 2 },
      open: { first: 2, next: 4 },
      mailbox: { first: 4, next: 6 },
      paused: true,
    });
  });

  test("is emptied by the answer, and the log goes on", () => {
    const driver = full().answer();
    expect(driver.state).toMatchObject({ mailbox: null, open: { first: 4, next: 6 } });
    expect(driver.asked).toContain("resume");
  });

  test("a fetch that finds it full is dropped and read again later", () => {
    const driver = full().fetch(6, 8);
    expect(driver.state).toMatchObject({ position: 6, rewind: true });
    driver.answer();
    expect(driver.effects).toContainEqual({ type: "seek", offset: 6 });
  });
});

describe("a fetch the process has no memory for", () => {
  test("is read again when the batch in flight is answered", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 2).linger().send({ type: "refused" });
    expect(driver.asked).toEqual(["pause"]);
    driver.answer();
    expect(driver.asked).toEqual(["commit", "seek", "resume"]);
  });

  test("is read again a second later where nothing is under way", () => {
    const driver = PartitionDriver.runningAt(4).send({ type: "refused" }).read(rowAt(4));
    expect(driver.effects).toEqual([{ type: "seek", offset: 4 }, { type: "resume" }]);
  });
});

describe("answers", () => {
  const inFlight = () => PartitionDriver.runningAt(0).fetch(0, 2).linger().fetch(2, 5);

  test("a settled one lets the next batch go and tells the group", () => {
    const driver = inFlight().answer();
    expect(driver.effects).toContainEqual({ type: "commit", offset: 2 });
    expect(driver.state).toMatchObject({ inFlight: null, open: { first: 2, next: 5 } });
  });

  test.each([
    ["another position", rowAt(7)],
    ["another epoch", rowAt(2, { epoch: "2" })],
  ])("one with %s makes it forget both batches and begin there", (_, row) => {
    const driver = inFlight().answer(row);
    expect(driver.state).toMatchObject({ inFlight: null, open: null, position: row.next });
    expect(driver.state.epoch).toBe(row.epoch);
    expect(driver.effects).toContainEqual({ type: "seek", offset: row.next });
  });

  test("one from a row that halted stops it", () => {
    const driver = inFlight().answer(rowAt(2, { state: "halt", reason: "HALT_TABLE: gone" }));
    expect(driver.state).toMatchObject({ phase: "stopped", open: null });
  });

  test("only the job in flight's own counts", () => {
    const driver = inFlight();
    const before = driver.state;
    driver.send({ type: "answered", jobId: "0-2-me-0", row: rowAt(0) });
    driver.send({ type: "vanished", jobId: "0-2-me-0" });
    expect(driver.state).toEqual(before);
  });

  test("a job that is gone makes it read the row and go on from there", () => {
    const driver = inFlight();
    driver.send({ type: "vanished", jobId: driver.state.inFlight!.jobId });
    expect(driver.asked).toEqual(["pause", "read"]);
    expect(driver.read(rowAt(2)).state).toMatchObject({ phase: "running", position: 2 });
  });
});

describe("readings of the row", () => {
  test("an idle partition follows a moved position", () => {
    const driver = PartitionDriver.runningAt(9).read(rowAt(2, { epoch: "2" }));
    expect(driver.effects).toContainEqual({ type: "seek", offset: 2 });
  });

  test("what it expects changes nothing, before and after the commit of its batch", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 2).linger();
    const before = driver.state;
    expect(driver.read(rowAt(0)).read(rowAt(2)).state).toEqual(before);
  });

  test("one from before the last answer is not followed", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 2).linger();
    const { version } = driver.state;
    driver.answer().read(rowAt(0), version);
    expect(driver.state).toMatchObject({ phase: "running", position: 2 });
    expect(driver.effects).toEqual([]);
  });
});

describe("the log's bounds", () => {
  const seen = (driver: PartitionDriver, bounds: object) =>
    driver.send({
      type: "inspected",
      bounds: { topicId: "topic", low: 0, high: 10, ...bounds },
      epoch: "1",
      loaded: 5,
    });

  test.each([
    ["HALT_TOPIC_IDENTITY", { topicId: "another" }],
    ["HALT_LOG_END", { high: 4 }],
    ["HALT_RETENTION", { low: 6 }],
  ])("%s stops it with a reason", (code, bounds) => {
    const driver = seen(PartitionDriver.runningAt(5), bounds);
    const [halt] = driver.effects;
    expect(halt).toMatchObject({ type: "halt", epoch: "1" });
    expect(halt?.type === "halt" && halt.reason).toContain(`${code}: `);
    expect(driver.state.phase).toBe("starting");
  });

  test("retention may pass what is already here", () => {
    const driver = seen(PartitionDriver.runningAt(5).fetch(5, 10), { low: 8 });
    expect(driver.state).toMatchObject({ phase: "running", open: { first: 5, next: 10 } });
  });

  test("where there is more but nothing came, it asks the log again", () => {
    expect(seen(PartitionDriver.runningAt(5), {}).effects).toEqual([{ type: "seek", offset: 5 }]);
    expect(seen(PartitionDriver.runningAt(5), { high: 5 }).effects).toEqual([]);
  });

  test("what was asked for in another epoch says nothing", () => {
    const driver = PartitionDriver.runningAt(5).read(rowAt(0, { epoch: "2", topicId: "another" }));
    expect(seen(driver, { low: 6 }).effects).toEqual([]);
  });
});

describe("a rebalance that leaves it here", () => {
  test("repeats what the log has forgotten", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 4).send({ type: "reassigned" });
    expect(driver.effects).toEqual([{ type: "seek", offset: 4 }, { type: "resume" }]);
    expect(driver.state.open).toMatchObject({ first: 0, next: 4 });
  });
});

describe("draining", () => {
  test("finishes what is in flight and open, and takes no more", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 2).linger().fetch(2, 4);
    driver.send({ type: "drain" });
    expect(driver.asked).toEqual(["pause"]);
    driver.fetch(4, 6).answer();
    expect(driver.flushed[0]).toMatchObject({ trigger: "drain", batch: { first: 2, next: 4 } });
    expect(driver.answer().asked).toEqual(["commit", "drained"]);
  });

  test("ends at once where nothing is under way", () => {
    expect(PartitionDriver.runningAt(0).send({ type: "drain" }).asked).toContain("drained");
    expect(new PartitionDriver().send({ type: "drain" }).asked).toContain("drained");
  });

  test("does not wait for a job that is gone: the log still has it", () => {
    const driver = PartitionDriver.runningAt(0).fetch(0, 2).linger().send({ type: "drain" });
    driver.send({ type: "vanished", jobId: driver.state.inFlight!.jobId });
    expect(driver.asked).toEqual(["drained"]);
  });
});
