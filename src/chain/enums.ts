/** The contracts' enumerations, in the order of their values. */

/** Where a VM stands. */
export const VmState = {
  None: 0,
  Home: 1,
  Abroad: 2,
  Agreed: 3,
  Started: 4,
  Stopped: 5,
  Terminated: 6,
  Succeeded: 7,
} as const;

/** How far a move has come. */
export const MoveState = { None: 0, Agreed: 1, Started: 2, Completed: 3, Aborted: 4, Expired: 5 } as const;

/** What kind of document stands under an agreement number. */
export const DocumentKind = { None: 0, Move: 1, Record: 2, Amendment: 3, Evacuation: 4, Adoption: 5 } as const;

/** Why a move was given up. */
export const AbortReason = {
  None: 0,
  Unspecified: 1,
  Capacity: 2,
  Incompatible: 3,
  TransferFailed: 4,
  Maintenance: 5,
  Security: 6,
  NoticeDue: 7,
  HomeStopped: 8,
} as const;

/** As what a cloud answers for a stretch of time. */
export const Duty = { None: 0, Hosting: 1, Pause: 2 } as const;

/** Where a cloud stands. */
export const CloudStatus = { None: 0, Active: 1, Suspended: 2, Left: 3, Expelled: 4 } as const;

/** What a key does for its cloud: the `role` of a `KeyAcceptance`. */
export const KeyRole = { None: 0, Account: 1, Recovery: 2, Agent: 3 } as const;

/** What an agent may do for its cloud: bits. */
export const AgentScope = { RELAY: 1, OFFER: 2, MOVE_OUT: 4, HOST: 8, REPORT: 16, VALIDATOR: 32 } as const;

/** How a cloud votes: OpenZeppelin's `support`. */
export const VoteType = { Against: 0, For: 1, Abstain: 2 } as const;

/** How a proposal stands: OpenZeppelin's. */
export const ProposalState = {
  Pending: 0,
  Active: 1,
  Canceled: 2,
  Defeated: 3,
  Succeeded: 4,
  Queued: 5,
  Expired: 6,
  Executed: 7,
} as const;

/** What a cloud voted, as the governor keeps it. */
export const Ballot = { None: 0, Against: 1, For: 2, Abstain: 3 } as const;

/** What happened to a validator: up to Successor it came in, from Replaced on it went out. */
export const ChangeKind = {
  None: 0,
  Founded: 1,
  Activated: 2,
  Invited: 3,
  Successor: 4,
  Replaced: 5,
  Retired: 6,
  Pruned: 7,
  Removed: 8,
} as const;

/** Roles of the AccessManager. ADMIN is OpenZeppelin's. */
export const AccessRole = { ADMIN: 0, GOVERNANCE: 1, GUARDIAN: 2, LEDGER: 3, ATTESTER: 4 } as const;

type Names<E> = keyof E & string;

/** Name of a value of an enumeration; its number as text if there is none. */
export function nameOf(values: { readonly [name: string]: number }, value: number | bigint): string {
  const found = Object.entries(values).find(([, number]) => number === Number(value));
  return found ? found[0] : String(value);
}

/** Names of the states of a VM. */
export type VmStateName = Names<typeof VmState>;
/** Names of a cloud's statuses. */
export type CloudStatusName = Names<typeof CloudStatus>;
