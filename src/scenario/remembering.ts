import { postMove } from "../actions/reputation/postMove.js";
import { postResults } from "../actions/reputation/postResults.js";
import { postUnfinished } from "../actions/reputation/postUnfinished.js";
import { resultOf } from "../actions/questions/windows.js";
import { DocumentKind } from "../chain/enums.js";
import type { Sent } from "../chain/send.js";
import { RevertError } from "../errors/revert.js";
import { openSla } from "../signing/disclosure.js";
import { chargedStays, eventsNamed, openingOf, text } from "./books.js";
import { relay } from "./senders.js";
import type { World } from "./world.js";

/**
 * Posts every fact of the run that reputation knows of and was not posted yet: completed and unfinished moves, and final
 * results of windows. Anyone may; here it is the relay.
 */
export async function remember(world: World, keep: (sending: Promise<Sent>) => Promise<void>): Promise<void> {
  const sender = relay(world);
  const known = new Set(
    ["MovePosted", "UnfinishedPosted"]
      .flatMap((name) => eventsNamed(world, name))
      .map((event) => text(event, "number")),
  );
  for (const event of eventsNamed(world, "StayBegan")) {
    const number = text(event, "agreement");
    if (number === "0" || known.has(number)) continue;
    const [vm, sequence] = [text(event, "vm"), Number(text(event, "sequence"))];
    const { kind } = await world.federation.ledger.stayOf(vm, sequence);
    if (Number(kind) !== DocumentKind.Move) continue;
    known.add(number);
    await keep(postMove(sender, vm, sequence));
  }
  for (const event of ["MoveAborted", "MoveExpired"].flatMap((name) => eventsNamed(world, name))) {
    const number = text(event, "number");
    if (known.has(number) || text(event, "unfinishedA") === "0") continue;
    const agreement = world.agreements.get(await world.federation.ledger.agreementAt(number));
    if (!agreement) continue;
    known.add(number);
    await keep(postUnfinished(sender, BigInt(number), agreement));
  }
  const posted = new Set(eventsNamed(world, "ResultPosted").map((event) => windowOf(event)));
  const reported = ["WindowAgreed", "WindowClaimed", "WindowWitnessed"].flatMap((name) => eventsNamed(world, name));
  for (const stay of await chargedStays(world)) {
    for (const event of reported) {
      const key = windowOf(event);
      if (posted.has(key) || !key.startsWith(`${stay.vm}/${stay.sequence}/`)) continue;
      const window = Number(text(event, "window"));
      const { isFinal, state } = await resultOf(world.federation, stay.vm, stay.sequence, window);
      if (!isFinal || state === "Disputed") continue;
      posted.add(key);
      const { vm, sequence, agreement } = stay;
      const opening = await openingOf(world, stay, window);
      const sending = postResults(sender, { vm, sequence }, agreement, openSla(agreement.terms), [{ window, opening }]);
      await unlessTooEarly(keep(sending));
    }
  }
}

/** What cannot be posted yet, or says nothing of the host, is left for a later day. */
const LEFT_OUT = ["ReputationLedger_NotSettled", "ReputationLedger_NothingJudged", "ReputationLedger_NoEvidence"];

async function unlessTooEarly(posting: Promise<void>): Promise<void> {
  try {
    await posting;
  } catch (thrown) {
    if (!(thrown instanceof RevertError && LEFT_OUT.includes(thrown.errorName))) throw thrown;
  }
}

function windowOf(event: Parameters<typeof text>[0]): string {
  return `${text(event, "vm")}/${text(event, "sequence")}/${text(event, "window")}`;
}
