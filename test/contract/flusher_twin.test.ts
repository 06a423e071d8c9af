import type { Sink } from "../../src/core/ports.ts";
import { FlusherTwin, type Lane, QueueTwin } from "../twins/flusher.ts";
import { describeFlusher } from "./flusher_suite.ts";

describeFlusher("twin", () => {
  const queue = new QueueTwin();
  const flusher = new FlusherTwin(queue);
  const work = async (lane: Lane, sink: Sink): Promise<void> => {
    const entry = queue.take(lane);
    if (entry) queue.answer(entry, await sink.settle(entry.job));
  };
  return Promise.resolve({
    flusher,
    async startWriter(sink: Sink) {
      queue.onWork = (lane) => void work(lane, sink);
      await Promise.all([...queue.lanes.values()].map((lane) => work(lane, sink)));
    },
    wipe: () => Promise.resolve(queue.wipe()),
    close: () => flusher.close(),
  });
});
