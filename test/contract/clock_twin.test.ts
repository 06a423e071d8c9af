import { VirtualClock } from "../twins/clock.ts";
import { describeClock } from "./clock_suite.ts";

describeClock("twin", () => {
  const clock = new VirtualClock();
  return { clock, elapse: (ms) => Promise.resolve(clock.elapse(ms)) };
});
