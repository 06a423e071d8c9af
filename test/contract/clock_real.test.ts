import { systemClock } from "../../src/actor/clock.ts";
import { describeClock } from "./clock_suite.ts";

describeClock("of the system", () => ({
  clock: systemClock,
  elapse: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}));
