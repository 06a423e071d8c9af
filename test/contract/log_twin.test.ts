import type { Clock } from "../../src/core/ports.ts";
import { LogTwin } from "../twins/log.ts";
import { TopicTwin } from "../twins/topic.ts";
import { describeLog } from "./log_suite.ts";

/** Calls as soon as the running code is done: the twin's delays are all 0. */
const soon: Clock = {
  nowMs: () => 0,
  after(_ms, call) {
    let cancelled = false;
    queueMicrotask(() => !cancelled && call());
    return () => {
      cancelled = true;
    };
  },
};

describeLog("twin", () => {
  const topic = new TopicTwin(2);
  const partition = (index: number) => topic.partitions[index]!;
  return Promise.resolve({
    log: new LogTwin(topic, soon),
    produce: (index, records) => {
      for (const record of records) {
        const empty = { timestampMs: 0, key: null, id: null, headers: [], value: null };
        partition(index).append({ ...empty, ...record });
      }
      return Promise.resolve();
    },
    control: (index) => Promise.resolve(partition(index).skip(3)),
    truncate: (index, low) => Promise.resolve(partition(index).truncate(low)),
    recreate: () => Promise.resolve(topic.partitions.forEach((log) => log.recreate("topic-2"))),
    committed: (index) => Promise.resolve(partition(index).committed),
    close: () => Promise.resolve(),
  });
});
