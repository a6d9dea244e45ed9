import { stays } from "../actions/questions/stays.js";
import { vmOf } from "../actions/questions/vmOf.js";
import { ask } from "../chain/ask.js";
import { AgentScope, VmState, nameOf } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import { moveOfEvent } from "../documents/agreedMove.js";
import type { Agreement, DocumentName, Documents, Move, PublicAgreement } from "../documents/types.js";
import { BusError } from "../errors/busError.js";
import { mistake } from "./values.js";

/** A cloud that must sign a document, and what the registry wants of the key with which it does. */
export interface RequiredSigner {
  readonly cloud: number;
  /** What the cloud is in the document: `home`, `destination`. */
  readonly role: string;
  /** The scope that an agent needs; 0: the account only. */
  readonly scope: number;
  /** Other clouds that the document names: an agent may be limited to some. */
  readonly partners: readonly number[];
  /** The one key that must sign, where a key speaks for itself and the registry does not know it yet. */
  readonly key?: string;
}

/** A move as the chain knows it. */
export interface KnownMove {
  readonly number: number;
  /** Id of the document. */
  readonly id: string;
  readonly move: Move<PublicAgreement>;
}

/** The move that a VM is in now. */
export async function openMoveOf(federation: Federation, vm: string): Promise<KnownMove> {
  const { move: number, state } = await vmOf(federation, vm);
  const isOpen = state === VmState.Agreed || state === VmState.Started;
  const { ledger } = federation;
  const [event] = isOpen ? await ask(ledger.queryFilter(ledger.filters.MoveAgreed(number))) : [];
  if (!event) return mistake(`VM: ${vm} is in no open move: it is ${nameOf(VmState, state)}`);
  return { number, id: event.args.move, move: moveOfEvent(event.args) };
}

/** A move by the id of its document. */
async function moveWithId({ ledger }: Federation, id: string): Promise<Move<PublicAgreement>> {
  const [event] = await ask(ledger.queryFilter(ledger.filters.MoveAgreed(undefined, undefined, id)));
  if (!event) throw new BusError("BAD_SIGNED_FILE", `/document/move: no move ${id} was agreed on this chain`);
  return moveOfEvent(event.args);
}

type Parties = Pick<Agreement, "home" | "source" | "destination">;

const distinct = (signers: readonly RequiredSigner[]): RequiredSigner[] =>
  signers.filter(({ cloud }, index) => signers.findIndex((other) => other.cloud === cloud) === index);

function homeAnd(home: number, other: number, role: string): RequiredSigner[] {
  return distinct([
    { cloud: home, role: "home", scope: AgentScope.MOVE_OUT, partners: [other] },
    { cloud: other, role, scope: AgentScope.HOST, partners: [home] },
  ]);
}

function allOf({ home, source, destination }: Parties): RequiredSigner[] {
  return distinct([
    { cloud: home, role: "home", scope: AgentScope.MOVE_OUT, partners: [source, destination] },
    { cloud: source, role: "source", scope: AgentScope.HOST, partners: [home, destination] },
    { cloud: destination, role: "destination", scope: AgentScope.HOST, partners: [home, source] },
  ]);
}

function hosts({ home, source, destination }: Parties, first: "source" | "destination"): RequiredSigner[] {
  const both: RequiredSigner[] = [
    { cloud: source, role: "source", scope: AgentScope.HOST, partners: [destination, home] },
    { cloud: destination, role: "destination", scope: AgentScope.HOST, partners: [source, home] },
  ];
  return first === "source" ? both : both.reverse();
}

async function ofStay(federation: Federation, vm: string, sequence: number): Promise<RequiredSigner[]> {
  const [{ home }, [stay]] = await Promise.all([vmOf(federation, vm), stays(federation, vm, sequence, 1)]);
  if (!stay) throw new BusError("BAD_SIGNED_FILE", `/document/sequence: ${vm} has no stay ${sequence}`);
  return distinct([
    { cloud: home, role: "home", scope: AgentScope.REPORT, partners: [] },
    { cloud: stay.host, role: "host", scope: AgentScope.REPORT, partners: [] },
  ]);
}

type SignersOf = {
  readonly [N in DocumentName]: (federation: Federation, document: Documents[N]) => Promise<RequiredSigner[]>;
};

const notByClouds = (): Promise<never> =>
  Promise.reject(new BusError("BAD_SIGNED_FILE", "/name: that document is signed by a key alone, not by clouds"));

const SIGNERS_OF: SignersOf = {
  Move: (_, { agreement: { home, destination } }) => Promise.resolve(homeAnd(home, destination, "destination")),
  Evacuation: (_, { agreement: { home, destination } }) => Promise.resolve(homeAnd(home, destination, "destination")),
  Amendment: (_, { agreement: { home, source } }) => Promise.resolve(homeAnd(home, source, "host")),
  Record: (_, { agreement }) => Promise.resolve(allOf(agreement)),
  Handover: async (federation, { move }) => hosts((await moveWithId(federation, move)).agreement, "destination"),
  MutualAbort: async (federation, { move }) => hosts((await moveWithId(federation, move)).agreement, "source"),
  Succession: async (federation, { vm }) => {
    const { home, host } = await vmOf(federation, vm);
    return homeAnd(home, host, "host");
  },
  AgreedReport: (federation, { vm, sequence }) => ofStay(federation, vm, sequence),
  JointSettlement: (federation, { vm, sequence }) => ofStay(federation, vm, sequence),
  Note: (_, { creditor, debtor }) =>
    Promise.resolve([
      { cloud: creditor, role: "creditor", scope: 0, partners: [] },
      { cloud: debtor, role: "debtor", scope: 0, partners: [] },
    ]),
  Observation: notByClouds,
  KeyAcceptance: (_, { cloud, key }) => Promise.resolve([{ cloud, role: "key", scope: 0, partners: [], key }]),
  ValidatorActivation: notByClouds,
};

/** The clouds that must sign a document, in the order in which its function takes their signatures. */
export function requiredSigners<N extends DocumentName>(
  federation: Federation,
  name: N,
  document: Documents[N],
): Promise<RequiredSigner[]> {
  return SIGNERS_OF[name](federation, document);
}
