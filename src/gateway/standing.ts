import { getAddress } from "ethers";

import { AgentScope, CloudStatus, KeyRole } from "../chain/enums.js";
import type { Federation } from "../chain/federation.js";
import { BusError } from "../errors/busError.js";
import type { EventIndex } from "../event-index/eventIndex.js";
import type { Reach } from "./signInMessage.js";

/** A key that speaks for an Active cloud. */
export interface Standing {
  readonly address: string;
  readonly cloud: number;
  /** The cloud's endpoint, as the registry has it. */
  readonly endpoint: string;
  /** Whether it is the cloud's account, which may do whatever its agents may. */
  readonly isAccount: boolean;
  /** Whether the account is a contract. */
  readonly isContract: boolean;
  /** Bits of `AgentScope`; all for the account. */
  readonly scopes: number;
  /** Clouds with which an agent may deal for MOVE_OUT and HOST; empty for any. */
  readonly partners: readonly number[];
}

/** Who asks: a key that speaks for an Active cloud, and how far its token reaches. */
export interface Caller extends Standing {
  readonly reach: Reach;
}

const ALL_SCOPES = Object.values(AgentScope).reduce<number>((sum, scope) => sum | scope, 0);

/** Whether a key may act with all of some scopes; 0 stands for what only the account may. */
export function hasScopes({ isAccount, scopes }: Standing, wanted: number): boolean {
  return isAccount || (wanted !== 0 && (scopes & wanted) === wanted);
}

interface Binding {
  readonly cloud: number;
  readonly role: number;
}

/** How long after a request the caller's standing is asked for with each block. */
const REFRESH_MS = 60_000;
/** Keys of which something is kept in memory. */
const MOST_KEPT = 1_000;

/** Asks the registry at the newest block, and keeps the answers until there is another one. */
export class Standings {
  readonly #federation: Federation;
  readonly #index: EventIndex;
  readonly #maxHeadAgeMs: number;
  #at = "";
  #answers = new Map<string, Promise<unknown>>();
  /** To which cloud, and in which role, keys are bound: for ever, so that it is asked once. */
  readonly #bindings = new Map<string, Binding>();
  readonly #usedAt = new Map<string, number>();

  /** @param maxHeadAgeMs How long ago the node must have confirmed its head: a node that is silent revokes nothing. */
  constructor(federation: Federation, index: EventIndex, maxHeadAgeMs: number) {
    this.#federation = federation;
    this.#index = index;
    this.#maxHeadAgeMs = maxHeadAgeMs;
    index.onChange(() => {
      this.#refresh();
    });
  }

  /**
   * Whom a key speaks for, at the newest block that the gateway knows.
   * @throws BusError `NOT_SIGNED_IN` if for no Active cloud; `STALE_HEAD` if the head was not confirmed for too long.
   */
  of(address: string): Promise<Standing> {
    if (this.#usedAt.size >= MOST_KEPT) this.#usedAt.clear();
    this.#usedAt.set(address, Date.now());
    return this.remember(address, () => this.#ask(address));
  }

  /** Asks again, with each block, for those who have asked lately: their next request does not wait for it. */
  #refresh(): void {
    const since = Date.now() - REFRESH_MS;
    for (const [address, usedAt] of this.#usedAt) {
      if (usedAt < since) this.#usedAt.delete(address);
      else this.remember(address, () => this.#ask(address)).catch(() => undefined);
    }
  }

  async #bindingOf(address: string): Promise<Binding> {
    const known = this.#bindings.get(address);
    if (known) return known;
    const { cloud, role } = await this.#federation.registry.bindingOf(address);
    if (cloud === 0n) throw new BusError("NOT_SIGNED_IN", `${address} is bound to no cloud`);
    if (this.#bindings.size >= MOST_KEPT) this.#bindings.clear();
    const binding = { cloud: Number(cloud), role: Number(role) };
    this.#bindings.set(address, binding);
    return binding;
  }

  /**
   * The answer to a question to the chain, asked once in a block.
   * @throws BusError `STALE_HEAD`, and what `ask` throws.
   */
  async remember<T>(question: string, ask: () => Promise<T>): Promise<T> {
    const { hash, confirmedAtMs } = this.#index.state;
    if (confirmedAtMs === 0) throw new BusError("STALE_HEAD", "the gateway has not caught up with the chain yet");
    const age = Date.now() - confirmedAtMs;
    if (age > this.#maxHeadAgeMs) {
      throw new BusError("STALE_HEAD", `the chain's node has not confirmed its head for ${Math.round(age / 1000)} s`);
    }
    if (hash !== this.#at) {
      this.#at = hash;
      this.#answers = new Map();
    }
    const answers = this.#answers;
    // What is kept under a question is what was asked for it.
    const known = answers.get(question) as Promise<T> | undefined;
    if (known) return known;
    const asked = ask();
    answers.set(question, asked);
    // A refusal is kept for the block as well; a node's failure is not.
    asked.catch((thrown: unknown) => {
      if (!(thrown instanceof BusError)) answers.delete(question);
    });
    return asked;
  }

  async #ask(address: string): Promise<Standing> {
    const { registry } = this.#federation;
    const { cloud, role } = await this.#bindingOf(address);
    const { timeMs } = this.#index.state;
    const [view, agent] = await Promise.all([registry.cloudOf(cloud), registry.agentOf(address)]);
    if (Number(view.status) !== CloudStatus.Active) {
      throw new BusError("NOT_SIGNED_IN", `cloud ${cloud} is not Active: its status is ${view.status}`);
    }
    const base = { address: getAddress(address), cloud, endpoint: view.endpoint };
    if (role === KeyRole.Account && getAddress(view.account) === base.address) {
      return { ...base, isAccount: true, isContract: view.isContract, scopes: ALL_SCOPES, partners: [] };
    }
    const isVoided = agent.agentEpoch !== view.agentEpoch || agent.validUntil < BigInt(timeMs);
    if (role !== KeyRole.Agent || agent.scopes === 0n || isVoided) {
      throw new BusError("NOT_SIGNED_IN", `${address} is neither account nor valid agent of cloud ${cloud}`);
    }
    const partners = agent.partners.map(Number);
    return { ...base, isAccount: false, isContract: false, scopes: Number(agent.scopes), partners };
  }
}
