/** What every clock keeps: time goes forward, calls come once, not early, not when cancelled. */

import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/ports.ts";

export interface ClockBench {
  clock: Clock;
  /** Lets at least so much time pass. */
  elapse(ms: number): Promise<void>;
}

export function describeClock(name: string, make: () => ClockBench): void {
  describe(`the clock ${name}`, () => {
    test("goes forward", async () => {
      const { clock, elapse } = make();
      const before = clock.nowMs();
      await elapse(5);
      expect(clock.nowMs()).toBeGreaterThanOrEqual(before + 5);
    });

    test("calls once, and not before the time", async () => {
      const { clock, elapse } = make();
      const startMs = clock.nowMs();
      const calledMs: number[] = [];
      clock.after(20, () => calledMs.push(clock.nowMs()));
      expect(calledMs).toEqual([]);
      await elapse(80);
      expect(calledMs).toHaveLength(1);
      expect(calledMs[0]! - startMs).toBeGreaterThanOrEqual(19);
    });

    test("calls in the order of the times", async () => {
      const { clock, elapse } = make();
      const called: string[] = [];
      clock.after(40, () => called.push("late"));
      clock.after(1, () => called.push("soon"));
      clock.after(20, () => called.push("between"));
      await elapse(90);
      expect(called).toEqual(["soon", "between", "late"]);
    });

    test("does not call what was cancelled, also when it is cancelled twice", async () => {
      const { clock, elapse } = make();
      let called = false;
      const cancel = clock.after(10, () => called = true);
      cancel();
      cancel();
      await elapse(40);
      expect(called).toBe(false);
    });

    test("a call may ask for another", async () => {
      const { clock, elapse } = make();
      let called = 0;
      clock.after(5, () => {
        called++;
        clock.after(5, () => called++);
      });
      await elapse(60);
      expect(called).toBe(2);
    });
  });
}
