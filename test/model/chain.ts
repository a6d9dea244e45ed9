import {
  RevertError,
  asRevert,
  publicAmendment,
  publicEvacuation,
  publicMove,
  publicRecord,
  type DocumentName,
  type Documents,
  buildRates,
} from "../../src/index.js";
import { type World, cloudOf, sign } from "../fixtures/federation.js";
import type { Command } from "./model.js";

/** Who sends what to which contract. */
interface Call {
  readonly from: string;
  readonly to: "registry" | "exchange" | "ledger";
  readonly data: string;
}

const GAS = "0x989680";
/** The offers of the model never run out. */
const FOR_EVER = 2n ** 48n - 1n;

/**
 * Tries a command on the contracts, in a block at the command's time.
 * @returns Name of the error; undefined if it succeeded.
 */
export async function bring(world: World, command: Command): Promise<string | undefined> {
  const { from, to, data } = await callOf(world, command);
  const { provider } = world.connection;
  const target = await world[to].getAddress();
  await provider.request({ method: "evm_setNextBlockTimestamp", params: [command.at] });
  try {
    await provider.request({ method: "eth_sendTransaction", params: [{ from, to: target, data, gas: GAS }] });
    return undefined;
  } catch (thrown) {
    const refusal = asRevert(thrown);
    if (refusal instanceof RevertError) return refusal.errorName;
    throw thrown;
  }
}

async function callOf(world: World, command: Command): Promise<Call> {
  const anyone = world.stranger.address;
  const by = (cloud: number) => cloudOf(world, cloud).key.address;
  const { ledger, registry, exchange } = world;
  const sent = (from: string, data: string): Call => ({ from, to: "ledger", data });
  const signed = <N extends DocumentName>(name: N, document: Documents[N], signers: readonly number[]) =>
    sign(world, name, document, signers);
  const abi = ledger.interface;
  switch (command.name) {
    case "register": {
      const { home, localId, resources, sender } = command;
      return sent(by(sender), abi.encodeFunctionData("register", [home, localId, resources]));
    }
    case "agree": {
      const signatures = await signed("Move", command.move, command.signers);
      return sent(anyone, abi.encodeFunctionData("agree", [publicMove(command.move), signatures]));
    }
    case "start":
      return sent(by(command.sender), abi.encodeFunctionData("start", [publicMove(command.move)]));
    case "complete": {
      const { move, handover, signers } = command;
      const signatures = await signed("Handover", handover, signers);
      return sent(anyone, abi.encodeFunctionData("complete", [publicMove(move), handover, signatures]));
    }
    case "abort": {
      const { move, by: party, reason, sender } = command;
      return sent(by(sender), abi.encodeFunctionData("abort", [publicMove(move), party, reason]));
    }
    case "abortMutually": {
      const { move, consent, signers } = command;
      const signatures = await signed("MutualAbort", consent, signers);
      return sent(anyone, abi.encodeFunctionData("abortMutually", [publicMove(move), consent, signatures]));
    }
    case "expire":
      return sent(anyone, abi.encodeFunctionData("expire", [publicMove(command.move)]));
    case "record": {
      const signatures = await signed("Record", command.record, command.signers);
      return sent(anyone, abi.encodeFunctionData("record", [publicRecord(command.record), signatures]));
    }
    case "amend": {
      const signatures = await signed("Amendment", command.amendment, command.signers);
      return sent(anyone, abi.encodeFunctionData("amend", [publicAmendment(command.amendment), signatures]));
    }
    case "evacuate": {
      const signatures = await signed("Evacuation", command.evacuation, command.signers);
      return sent(anyone, abi.encodeFunctionData("evacuate", [publicEvacuation(command.evacuation), signatures]));
    }
    case "revoke":
      return sent(by(command.sender), abi.encodeFunctionData("revoke", [command.by, command.document]));
    case "giveNotice":
      return sent(by(command.sender), abi.encodeFunctionData("giveNotice", [[...command.vms], command.until]));
    case "release":
      return sent(by(command.sender), abi.encodeFunctionData("release", [command.vm]));
    case "releaseFromMove": {
      const { vm, move, sender } = command;
      return sent(by(sender), abi.encodeFunctionData("releaseFromMove", [vm, publicMove(move)]));
    }
    case "stop":
      return sent(by(command.sender), abi.encodeFunctionData("stop", [command.vm]));
    case "stopFromMove": {
      const { vm, move, sender } = command;
      return sent(by(sender), abi.encodeFunctionData("stopFromMove", [vm, publicMove(move)]));
    }
    case "restore":
      return sent(by(command.sender), abi.encodeFunctionData("restore", [command.vm]));
    case "terminate":
      return sent(by(command.sender), abi.encodeFunctionData("terminate", [command.vm]));
    case "declareLost":
      return sent(by(command.sender), abi.encodeFunctionData("declareLost", [command.vm]));
    case "contestLoss":
      return sent(by(command.sender), abi.encodeFunctionData("contestLoss", [command.vm]));
    case "withdrawLoss":
      return sent(by(command.sender), abi.encodeFunctionData("withdrawLoss", [command.vm]));
    case "leave":
      return sent(by(command.sender), abi.encodeFunctionData("leave", [command.cloud]));
    case "pauseNew":
      return sent(world.guardian.address, abi.encodeFunctionData("pauseNew", [command.duration]));
    case "resumeNew":
      return sent(world.guardian.address, abi.encodeFunctionData("resumeNew"));
    case "suspend": {
      const data = registry.interface.encodeFunctionData("confirmSuspension", [command.cloud]);
      return { from: world.governance.address, to: "registry", data };
    }
    case "lift": {
      const data = registry.interface.encodeFunctionData("liftSuspension", [command.cloud]);
      return { from: world.governance.address, to: "registry", data };
    }
    case "offer": {
      const { cloud, site, offered } = command;
      const terms = { features: 0n, validFrom: 0n, validUntil: FOR_EVER, currency: "", rates: buildRates({}) };
      const data = exchange.interface.encodeFunctionData("offer", [cloud, site, { ...offered, ...terms }]);
      return { from: by(cloud), to: "exchange", data };
    }
  }
}
