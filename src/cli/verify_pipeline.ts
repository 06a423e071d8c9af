/**
 * The proof of one pipeline: its counters, its rows and letters against its checkpoints, and with
 * a ledger each event that was sent. Memory is bounded: rows come in pages, events in passes.
 */

import { sql } from "drizzle-orm";
import { readLedger } from "../ledger/reader.ts";
import type { LedgerPlan } from "../ledger/passes.ts";
import { type Findings, noFindings, Trial } from "../ledger/trial.ts";
export { sql, readLedger, type Findings, noFindings, Trial, type LedgerPlan };
