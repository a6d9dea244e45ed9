import { BusError } from "../errors/busError.js";
import type { Keep } from "./books.js";
import type { World } from "./world.js";

export function netAll(_world: World, currency: string, _keep: Keep): Promise<void> {
  throw new BusError("BAD_SCENARIO", `netting of ${currency} is not here yet`);
}
