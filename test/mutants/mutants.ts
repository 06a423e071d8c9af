/**
 * The guards, each with what takes it out. A mutant that survives its suites means that the guard
 * is not tested, which is a defect of the suite.
 */

export interface Mutant {
  name: string;
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
  /** At least one of them must fail. */
  suites: string[];
}

const sim = ["test/sim"];
const unit = ["test/unit/core_partition.test.ts"];

export const mutants: Mutant[] = [
  {
    name: "fence: an interval that does not join the checkpoint",
    file: "src/core/rule.ts",
    find: "return row.next === job.first && job.next > job.first;",
    replace: "return job.next > job.first;",
    suites: sim,
  },
  {
    name: "fence: a row that does not run",
    file: "src/core/rule.ts",
    find: `if (row.state !== "run") return false;`,
    replace: "",
    suites: sim,
  },
  {
    name: "epoch: a job from before a person's move",
    file: "src/core/rule.ts",
    find: "if (row.epoch !== job.epoch) return false;",
    replace: "",
    suites: sim,
  },
  {
    name: "checksum: an edited job",
    file: "src/core/rule.ts",
    find: "if (!intact) return false;",
    replace: "",
    suites: sim,
  },
  {
    name: "checksum: over the records",
    file: "src/core/job.ts",
    find: "for (const record of job.records) addRecord(hash, record);",
    replace: "",
    suites: sim,
  },
  {
    name: "interval rule: any fetch is taken",
    file: "src/core/partition.ts",
    find: "if (!(fetch.from <= state.position && state.position < fetch.next)) {",
    replace: "if (state.position < 0) {",
    suites: sim,
  },
  {
    name: "interval rule: a fetch from further on is taken",
    file: "src/core/partition.ts",
    find: "if (!(fetch.from <= state.position && state.position < fetch.next)) {",
    replace: "if (!(state.position < fetch.next)) {",
    suites: sim,
  },
  {
    name: "one open: a fetch replaces what waits in the mailbox",
    file: "src/core/partition.ts",
    find: "if (state.mailbox !== null || state.rewind) {",
    replace: "if (state.rewind) {",
    suites: sim,
  },
  {
    name: "one in flight: the next batch does not wait",
    file: "src/core/partition.ts",
    find: "if (!state.open || state.inFlight) break;",
    replace: "if (!state.open) break;",
    suites: sim,
  },
  {
    name: "re-read: any answer settles",
    file: "src/core/partition.ts",
    find: "if (!settled) return restart(state, row, effects);",
    replace: "",
    suites: sim,
  },
  {
    name: "re-read: an answer of another epoch settles",
    file: "src/core/partition.ts",
    find: "const settled = row.epoch === state.epoch && row.next",
    replace: "const settled = row.next",
    suites: unit,
  },
  {
    name: "re-read: the row is not followed",
    file: "src/core/partition.ts",
    find: "if (!expected) return restart(state, row, effects);",
    replace: "",
    suites: sim,
  },
  {
    name: "re-read: a stale reading is followed",
    file: "src/core/partition.ts",
    find: "if (version !== state.version) return;",
    replace: "",
    suites: unit,
  },
  {
    name: "watchdog: a job that is gone is waited for",
    file: "src/core/partition.ts",
    find: "return forgetAndRead(state, effects);\n    case",
    replace: "return;\n    case",
    suites: sim,
  },
  {
    name: "watchdog: nobody asks",
    file: "test/sim/actor.ts",
    find: "this.#every(2_000, () => this.#ask());",
    replace: "",
    suites: sim,
  },
  {
    name: "refused fetch: nobody tries again",
    file: "src/core/partition.ts",
    find: "if (!state.open && !state.inFlight) catchUp(state, effects);",
    replace: "",
    suites: sim,
  },
  {
    name: "lost position: the log is not asked again",
    file: "src/core/partition.ts",
    find: "if (reason === null) return lookAgain(state, seen, effects);",
    replace: "if (reason === null) return;",
    suites: sim,
  },
  {
    name: "halt: another topic under the same name",
    file: "src/core/partition.ts",
    find: "if (topicId !== state.topicId) {",
    replace: "if (state.position < 0) {",
    suites: sim,
  },
  {
    name: "halt: retention passed the position",
    file: "src/core/partition.ts",
    find: "if (state.position < low) {",
    replace: "if (state.position < 0) {",
    suites: sim,
  },
  {
    name: "reassigned: the position is not sought again",
    file: "src/core/partition.ts",
    find: `if (state.phase === "running") effects.push({ type: "seek", offset: state.position });`,
    replace: "",
    suites: unit,
  },
  {
    name: "halt: the checkpoint lies beyond the log's end",
    file: "src/core/partition.ts",
    find: "if (loaded > high) {",
    replace: "if (loaded < 0) {",
    suites: unit,
  },
  {
    name: "answers: an old job's answer is taken",
    file: "src/core/partition.ts",
    find: "if (batch?.jobId !== jobId) return;",
    replace: "if (!batch) return;",
    suites: unit,
  },
  // To come with their adapters: reply check (src/kafka), bisect and identity (src/writer).
];
