/**
 * What every flusher keeps: a job that is added is settled by some writer, its answer carries the
 * row as that writer left it, and whoever asks learns where a job stands. Nothing else is
 * promised: see `Flusher`.
 */

import { afterEach, describe, expect, test } from "vitest";
import type { Checkpoint, Flusher, Job, JobStatus, Sink } from "../../src/core/ports.ts";
import { job, record } from "../support/jobs.ts";

export interface FlusherBench {
  flusher: Flusher;
  /** Begins to settle what is queued, as a writer process would. */
  startWriter(sink: Sink): Promise<void>;
  /** Everything queued and answered is gone, without a word. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

const deadlineMs = 10_000;
const answerOf = ({ epoch, topicId, next }: Job): Checkpoint => ({
  epoch,
  topicId,
  next,
  state: "run",
  reason: null,
});

/** A sink that notes what it was given. */
class NotingSink implements Sink {
  readonly jobs: Job[] = [];

  settle(given: Job): Promise<Checkpoint> {
    this.jobs.push(given);
    return Promise.resolve(answerOf(given));
  }
}

const sent = (partition = 0, offset = 0): Job =>
  job({
    stream: "contract",
    sink: "table",
    partition,
    epoch: "18446744073709551615",
    records: [record(offset, { seq: offset }, { key: "k", headers: [["h", ["/w=="]]] })],
  });

export function describeFlusher(name: string, make: () => Promise<FlusherBench>): void {
  let bench: FlusherBench | null = null;
  afterEach(async () => {
    await bench?.close();
    bench = null;
  });

  const open = async () => {
    bench = await make();
    const answers = new Answers();
    bench.flusher.onAnswer((jobId, row) => answers.add(jobId, row));
    const ask = async (...jobs: Job[]): Promise<JobStatus[]> => await bench!.flusher.ask(jobs);
    return { ...bench, answers, ask };
  };

  describe(`the flusher ${name}`, () => {
    describeAnswers(open);
    describeLosses(open);
  });
}

type Open = () => Promise<
  FlusherBench & { answers: Answers; ask(...jobs: Job[]): Promise<JobStatus[]> }
>;

function describeAnswers(open: Open): void {
  test("brings a job to a writer unchanged, and its answer back", async () => {
    const { flusher, startWriter, answers } = await open();
    const sink = new NotingSink();
    await startWriter(sink);
    const given = sent();
    await flusher.submit(given);
    expect(await answers.of(given)).toEqual(answerOf(given));
    expect(sink.jobs).toEqual([given]);
  });

  test("keeps a job until there is a writer", async () => {
    const { flusher, startWriter, answers, ask } = await open();
    const given = sent();
    await flusher.submit(given);
    expect(await ask(given)).toEqual([{ state: "waiting" }]);
    await startWriter(new NotingSink());
    expect(await answers.of(given)).toEqual(answerOf(given));
  });

  test("answers in the order of the question, also for what it never saw", async () => {
    const { flusher, startWriter, answers, ask } = await open();
    const [done, unknown] = [sent(0), sent(1)];
    await startWriter(new NotingSink());
    await flusher.submit(done);
    await answers.of(done);
    const answered = { state: "answered", row: answerOf(done) };
    expect(await ask(unknown, done)).toEqual([{ state: "gone" }, answered]);
    expect(await ask(done, unknown)).toEqual([answered, { state: "gone" }]);
    expect(await ask()).toEqual([]);
  });

  test("answers with the row where the writer refused", async () => {
    const { flusher, startWriter, answers } = await open();
    const row: Checkpoint = {
      ...answerOf(sent()),
      next: 99,
      state: "halt",
      reason: "HALT_TABLE: Table 'é' is missing",
    };
    await startWriter({ settle: () => Promise.resolve(row) });
    const given = sent();
    await flusher.submit(given);
    expect(await answers.of(given)).toEqual(row);
  });
}

function describeLosses(open: Open): void {
  test("removes what waits of the same partition, and only that, before it adds", async () => {
    const { flusher, startWriter, answers, ask } = await open();
    const [old, other, next] = [sent(0, 1), sent(1, 1), sent(0, 2)];
    await flusher.submit(old);
    await flusher.submit(other);
    await flusher.submit(next);
    expect(await ask(old, other, next))
      .toEqual([{ state: "gone" }, { state: "waiting" }, { state: "waiting" }]);
    const sink = new NotingSink();
    await startWriter(sink);
    await Promise.all([answers.of(next), answers.of(other)]);
    expect(sink.jobs.map(({ id }) => id).sort()).toEqual([other.id, next.id].sort());
  });

  test("says gone of a job that was lost without a word", async () => {
    const { flusher, wipe, ask } = await open();
    const given = sent();
    await flusher.submit(given);
    await wipe();
    expect(await ask(given)).toEqual([{ state: "gone" }]);
  });

  test("goes on after everything was lost", async () => {
    const { flusher, startWriter, wipe, answers } = await open();
    await startWriter(new NotingSink());
    await flusher.submit(sent(0, 1));
    await wipe();
    const given = sent(0, 2);
    await flusher.submit(given);
    expect(await answers.of(given)).toEqual(answerOf(given));
  });
}

/** Answers as they come; waiting for one is waiting for its arrival, not for a time. */
class Answers {
  #rows = new Map<string, Checkpoint>();
  #waiting = new Map<string, (row: Checkpoint) => void>();

  add(jobId: string, row: Checkpoint): void {
    this.#rows.set(jobId, row);
    this.#waiting.get(jobId)?.(row);
  }

  of({ id }: Job): Promise<Checkpoint> {
    const row = this.#rows.get(id);
    if (row) return Promise.resolve(row);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`No answer to ${id}`)), deadlineMs);
      this.#waiting.set(id, (late) => {
        clearTimeout(timer);
        resolve(late);
      });
    });
  }
}
