import { type Signer, ZeroAddress } from "ethers";

import { ask } from "../chain/ask.js";
import { type Federation, readHead } from "../chain/federation.js";
import { signDocument } from "../documents/hash.js";
import type { ValidatorActivation } from "../documents/types.js";
import { BusError } from "../errors/busError.js";

/** What a node key signed, as the validator set wants it. */
export interface SignedActivation {
  readonly activation: ValidatorActivation;
  readonly signature: string;
}

/**
 * Lets a node key agree to be a validator, over the chain's last block but one: a call on the newest block, as it is made
 * before anything is sent, does not know that block's own hash. Good for 255 blocks.
 * @param node The node key.
 * @param cloud The cloud; its present validator is the one to be replaced. Zero for an independent operator.
 * @throws BusError `STALE_HEAD` if the node has no block.
 */
export async function signActivation(federation: Federation, node: Signer, cloud: number): Promise<SignedActivation> {
  const { number } = await readHead(federation.provider);
  const [block, validator, replaces] = await Promise.all([
    federation.provider.getBlock(Math.max(0, number - 1)),
    node.getAddress(),
    cloud === 0 ? ZeroAddress : ask(federation.validators.validatorOf(cloud)),
  ]);
  if (!block?.hash) throw new BusError("STALE_HEAD", `the node has no block ${number - 1}`);
  const activation = {
    cloud,
    validator,
    replaces,
    blockNumber: BigInt(block.number),
    blockHash: block.hash,
  };
  const signature = await signDocument(node, federation.validatorDomain, "ValidatorActivation", activation);
  return { activation, signature };
}
