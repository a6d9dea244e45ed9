import type { BaseWallet } from "ethers";

import { type Federation, asSender } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import type { CloudActor, World } from "./world.js";

/** The federation with a key as its sender. */
export function byKey(world: World, key: BaseWallet): Federation {
  return asSender(world.federation, key);
}

/** Somebody who only brings documents: nobody asks who that is. */
export function relay(world: World): Federation {
  return byKey(world, world.keys.key("relay"));
}

/** A cloud's account as the sender, or an agent by its name. */
export function as(world: World, actor: CloudActor, agent?: string): Federation {
  if (agent === undefined) return byKey(world, actor.account);
  const key = [...world.clouds.values()].map((cloud) => cloud.agents.get(agent)).find((found) => found !== undefined);
  if (!key) throw new BusError("BAD_SCENARIO", `there is no agent ${JSON.stringify(agent)}`);
  return byKey(world, key);
}
