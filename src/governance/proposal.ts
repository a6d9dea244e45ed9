import { AbiCoder, type BaseContract, id as hashOf, keccak256 } from "ethers";

/** One call that a proposal makes. */
export interface ProposalCall {
  readonly target: string;
  /** Selector and arguments. */
  readonly data: string;
}

/** A proposal: its calls, executed together or not at all, and the words under which it was made. */
export interface ProposalDraft {
  readonly calls: readonly ProposalCall[];
  readonly description: string;
}

type Lists = readonly [targets: string[], values: bigint[], calldatas: string[]];

function lists({ calls }: ProposalDraft): Lists {
  return [calls.map(({ target }) => target), calls.map(() => 0n), calls.map(({ data }) => data)];
}

/** The arguments of the governor's `propose`. */
export function proposalArguments(draft: ProposalDraft): readonly [...Lists, description: string] {
  return [...lists(draft), draft.description];
}

/** The arguments of its `queue`, `execute`, `cancel` and `cancelByVote`. */
export function hashedArguments(draft: ProposalDraft): readonly [...Lists, descriptionHash: string] {
  return [...lists(draft), hashOf(draft.description)];
}

/** A proposal's id: the hash of its calls and its description. */
export function proposalIdOf(draft: ProposalDraft): bigint {
  const types = ["address[]", "uint256[]", "bytes[]", "bytes32"];
  return BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(types, hashedArguments(draft))));
}

/** The same draft under a description that only this account may propose. */
export function protectedDraft(draft: ProposalDraft, proposer: string): ProposalDraft {
  const suffix = `#proposer=${proposer}`;
  return draft.description.endsWith(suffix) ? draft : { ...draft, description: `${draft.description}${suffix}` };
}

/** A description without what {@link protectedDraft} added. */
export function plainDescription(description: string): string {
  return description.replace(/#proposer=0x[0-9a-fA-F]{40}$/, "");
}

/** A call of a function of a contract. */
export async function callOf(contract: BaseContract, name: string, args: readonly unknown[]): Promise<ProposalCall> {
  return { target: await contract.getAddress(), data: contract.interface.encodeFunctionData(name, args) };
}
