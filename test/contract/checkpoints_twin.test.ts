import { CheckpointsTwin } from "../twins/checkpoints.ts";
import { describeCheckpoints } from "./checkpoints_suite.ts";

describeCheckpoints("twin", () => {
  const checkpoints = new CheckpointsTwin();
  return Promise.resolve({
    checkpoints,
    put: (key, row) => Promise.resolve(checkpoints.put(key, row)),
    close: () => Promise.resolve(),
  });
});
