/**
 * The guards, each with what takes it out. A mutant that survives its suites means that the guard
 * is not tested, which is a defect of the suite.
 */

import { adapters } from "./adapter_mutants.ts";
import { core } from "./core_mutants.ts";

export interface Mutant {
  name: string;
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
  /** At least one of them must fail. */
  suites: string[];
}

export const mutants: Mutant[] = [...core, ...adapters];
