import { concat, isHexString, keccak256, toUtf8Bytes } from "ethers";

import { vmIdOf } from "../actions/questions/vmIdOf.js";
import type { Federation } from "../chain/federation.js";
import { mistake } from "./values.js";

/**
 * The local id of a VM that its home calls by a name: `keccak256(salt ‖ UTF-8 of the name)`. Without the salt nobody can
 * find the name by trying.
 * @param salt 32 bytes in hex, the home's secret.
 */
export function localIdOf(salt: string, name: string): string {
  return keccak256(concat([salt, toUtf8Bytes(name)]));
}

/** For whom a VM's own name is meant. */
export interface Naming {
  readonly salt: string | undefined;
  /** The home. */
  cloud(): Promise<number>;
}

/** The id of a VM that is named by its id, or by its home's own name for it. */
export async function vmNamed(federation: Federation, naming: Naming, text: string): Promise<string> {
  if (isHexString(text, 32)) return text.toLowerCase();
  if (text.startsWith("0x")) mistake(`VM: ${text} is no 32 bytes in hex`);
  const salt = naming.salt ?? mistake(`VM: ${text} is no id, and the profile has no salt for names`);
  return vmIdOf(federation, await naming.cloud(), localIdOf(salt, text));
}
