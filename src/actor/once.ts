/**
 * Work of which one run at a time is enough: a call during a run asks for one more after it. A
 * failed run is forgotten; its clock comes again.
 */
export class Once {
  #running = false;
  #again = false;
  readonly #work: () => Promise<void>;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  soon(): void {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#work().catch(() => {}).finally(() => {
      this.#running = false;
      if (!this.#again) return;
      this.#again = false;
      this.soon();
    });
  }
}
