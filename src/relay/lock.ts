/** `GET_LOCK` on a connection of its own: held by one relay, free again when that one is gone. */

import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";

export class RelayLock {
  #connection: Connection | null = null;
  readonly #url: string;
  readonly #name: string;

  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  /** True while this process holds the lock; asks the server each time. */
  async hold(): Promise<boolean> {
    try {
      if (!this.#connection) {
        this.#connection = await mysql.createConnection({ uri: this.#url, connectTimeout: 5_000 });
        this.#connection.on("error", () => this.release());
      }
      const [rows] = await this.#connection.query<RowDataPacket[]>(
        "SELECT IS_USED_LOCK(?) = CONNECTION_ID() OR GET_LOCK(?, 0) AS held",
        [this.#name, this.#name],
      );
      return Number(rows[0]?.held) === 1;
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    this.#connection?.destroy();
    this.#connection = null;
  }
}
