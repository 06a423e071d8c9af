import type { Checkpoint } from "../../src/core/ports.ts";
import { CheckpointsTwin, plain } from "../twins/checkpoints.ts";
import { SinkTwin } from "../twins/sink.ts";
import { describeSink } from "./sink_suite.ts";

const key = { stream: "contract", sink: "table", partition: 0 };

describeSink("twin", ({ conflict }) => {
  const checkpoints = new CheckpointsTwin();
  checkpoints.put(key, { epoch: "1", next: 0, state: "run", reason: null, topicId: "topic-1" });
  const sink = new SinkTwin(checkpoints, conflict);
  const row = () => checkpoints.row(key)!;
  const set = (changed: Partial<Checkpoint>) =>
    Promise.resolve(checkpoints.put(key, { ...plain(row()), ...changed }, row().counters));
  return Promise.resolve({
    sink,
    key,
    row: () => Promise.resolve(plain(row())),
    stop: (state) => set({ state, reason: "a person's reason" }),
    resume: () => set({ state: "run", reason: null }),
    moveTo: (next) => set({ next, epoch: `${Number(row().epoch) + 1}` }),
    counters: () => Promise.resolve({ ...row().counters }),
    rows: () =>
      Promise.resolve(
        [...sink.table.values()].sort((a, b) => a.id - b.id)
          .map(({ key, seq, text }) => ({ key, seq, text })),
      ),
    deadLetters: () =>
      Promise.resolve(sink.deadLetters.map(({ offset, code, value }) => ({ offset, code, value }))),
    loseNextReply: () => sink.loseNextReply(),
    close: () => Promise.resolve(),
  });
}, { loseReplies: true });
