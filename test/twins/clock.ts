/**
 * Virtual time: nothing happens until someone runs the clock, and calls that are due at the same
 * moment happen in the order in which they were asked for. A day passes in a millisecond.
 */

import type { Clock } from "../../src/core/ports.ts";

interface Timer {
  atMs: number;
  /** Order among timers of the same moment. */
  turn: number;
  call: (() => void) | null;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  #turns = 0;
  #heap: Timer[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, call: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, ms), turn: ++this.#turns, call };
    this.#push(timer);
    return () => {
      timer.call = null;
    };
  }

  /** Calls what is due next and moves the time there; `false` when nothing waits. */
  runNext(): boolean {
    for (;;) {
      const timer = this.#pop();
      if (timer === undefined) return false;
      if (timer.call === null) continue;
      this.#nowMs = timer.atMs;
      timer.call();
      return true;
    }
  }

  /** Runs everything that is due within `ms` from now. */
  elapse(ms: number): void {
    const end = this.#nowMs + ms;
    while ((this.#heap[0]?.atMs ?? Infinity) <= end) this.runNext();
    this.#nowMs = Math.max(this.#nowMs, end);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.turn < b.turn);
}
