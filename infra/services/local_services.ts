/** The three own services of one home, for those who break them on purpose. */

import { homeFolder } from "./home.ts";
import { kafkaService } from "./kafka.ts";
import type { LocalService } from "./local_service.ts";
import { mariadbService } from "./mariadb.ts";
import { redisService } from "./redis.ts";

export interface LocalServices {
  kafka: LocalService;
  redis: LocalService;
  mariadb: LocalService;
}

export function localServices(
  home?: string,
  log: (line: string) => void = () => {},
): LocalServices {
  const folder = homeFolder(home);
  return {
    kafka: kafkaService(folder, log),
    redis: redisService(folder, log),
    mariadb: mariadbService(folder, log),
  };
}
