import { ZeroAddress } from "ethers";
import type { Command } from "commander";

import { adopt } from "../../actions/ledger/adopt.js";
import { amend } from "../../actions/ledger/amend.js";
import { evacuate } from "../../actions/ledger/evacuate.js";
import { succeedVm } from "../../actions/ledger/succeedVm.js";
import { stays } from "../../actions/questions/stays.js";
import { vmOf } from "../../actions/questions/vmOf.js";
import { ask } from "../../chain/ask.js";
import { type Sent, eventOf } from "../../chain/send.js";
import { buildAgreement } from "../../documents/build.js";
import type { Agreement, Succession } from "../../documents/types.js";
import { formatTime, labelOf } from "../../exports/format.js";
import {
  type AgreementOptions,
  type DraftOptions,
  agreeByOf,
  draftAgreement,
  readTerms,
  requireNoArguments,
  termsOf,
  vmsTogether,
  withAgreement,
  withDraft,
} from "../agreements.js";
import { signAndBring, theDocument } from "../bringing.js";
import { type Runner, type SigningOptions, act, withResources, withSigning } from "../command.js";
import type { Answer } from "../output.js";
import { type PaperOptions, fullAgreementOf } from "../papers.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import { type ResourceOptions, changeResources, mistake, parseFeatures, parseTime } from "../values.js";

/** What changes a VM's stay without a move: other terms, another host after a loss, another ledger. */

/** The number of the agreement that a transaction began. */
function acceptedFacts(sent: Sent): object {
  return { number: Number(eventOf(sent, "DocumentAccepted").args.number) };
}

/* AMENDMENT */

type AmendOptions = DraftOptions & ResourceOptions & PaperOptions;

/** The terms of an amendment: all that is not said again would be the library's default, and stay free of charge. */
async function amendedTerms({ terms }: DraftOptions, before: Agreement | undefined) {
  if (terms !== undefined) return readTerms(terms, before);
  return before ? termsOf(before) : mistake("--paper or --terms is missing: an amendment says all terms anew");
}

async function draftAmendment(session: Session, names: readonly string[], options: AmendOptions): Promise<Agreement> {
  const federation = await session.federation();
  const { home, host, vms } = await vmsTogether(session, names);
  const { paper, features } = options;
  const inForce =
    paper === undefined ? [] : await Promise.all(vms.map((vm) => fullAgreementOf(federation, vm, { paper })));
  const [before] = inForce;
  const [first] = vms;
  const site = first?.site ?? 0;
  if (vms.some((vm) => vm.site !== site)) mistake("VM: they are not at the same site, as VMs of one amendment must");
  const bits = features === undefined ? undefined : parseFeatures("--features", features);
  const keptBits = (id: string) => before?.lines.find(({ vm }) => vm.toLowerCase() === id)?.features ?? 0n;
  return buildAgreement({
    home,
    source: host,
    destination: host,
    site,
    lines: vms.map(({ vm, nonce, resources }) => ({
      vm,
      nonce,
      features: bits ?? keptBits(vm),
      resources: changeResources(resources, options),
    })),
    agreeBy: await agreeByOf(session, options.agreeBy),
    ...(await amendedTerms(options, before)),
  });
}

async function amendStay(session: Session, names: readonly string[], options: AmendOptions): Promise<Answer> {
  if (options.withSignature) requireNoArguments(names);
  const labels = await session.labels();
  const file = await theDocument(session, "Amendment", options, async () => ({
    agreement: await draftAmendment(session, names, options),
  }));
  const { lines, source } = file.document.agreement;
  return signAndBring(session, [file], options, {
    what: `Amend: other terms for ${lines.length} VM at ${labelOf(labels, source)}, from now on.`,
    send: (sender, [signed]) => (signed ? amend(sender, signed[0].document, signed[1]) : mistake("no document")),
    facts: acceptedFacts,
  });
}

/* EVACUATION */

async function evacuateVms(session: Session, names: readonly string[], options: AgreementOptions): Promise<Answer> {
  if (options.withSignature) requireNoArguments(names);
  const labels = await session.labels();
  const file = await theDocument(session, "Evacuation", options, async () => ({
    agreement: await draftAgreement(session, names, options),
  }));
  const { lines, source, destination } = file.document.agreement;
  return signAndBring(session, [file], options, {
    what: `Evacuate: ${lines.length} VM lost at ${labelOf(labels, source)} go on at ${labelOf(labels, destination)}.`,
    send: (sender, [signed]) => (signed ? evacuate(sender, signed[0].document, signed[1]) : mistake("no document")),
    facts: acceptedFacts,
  });
}

/* SUCCESSION */

interface SucceedOptions extends SigningOptions {
  readonly validUntil?: string;
}

async function draftSuccession(
  session: Session,
  [text = mistake("VM is missing")]: readonly string[],
  { validUntil = "+15min" }: SucceedOptions,
): Promise<Succession> {
  const [federation, head, vm] = await Promise.all([session.federation(), session.head(), session.vmNamed(text)]);
  const [successor, { nonce }] = await Promise.all([ask(federation.ledger.successor()), vmOf(federation, vm)]);
  if (successor === ZeroAddress) mistake("VM: the members have named no ledger that succeeds this one");
  return { vm, nonce, successor, validUntil: parseTime("--valid-until", validUntil, head.timeMs) };
}

async function handToSuccessor(session: Session, names: readonly string[], options: SucceedOptions): Promise<Answer> {
  if (options.withSignature) requireNoArguments(names);
  const file = await theDocument(session, "Succession", options, () => draftSuccession(session, names, options));
  const { vm, successor } = file.document;
  return signAndBring(session, [file], options, {
    what: `End ${vm} on this ledger: it goes on where ledger ${successor} adopts it.`,
    send: (sender, [signed]) => (signed ? succeedVm(sender, signed[0].document, signed[1]) : mistake("no document")),
    facts: () => ({ vm, successor }),
  });
}

async function adoptVm(session: Session, [text = ""]: readonly string[]): Promise<Answer> {
  const [federation, vm] = await Promise.all([session.federation(), session.vmNamed(text)]);
  const ledger = federation.addressBook.contracts.MigrationLedger;
  const sent = await session.send([`Adopt ${vm} on ledger ${ledger}.`], (sender) => adopt(sender, vm));
  const { sequence, host } = await vmOf(federation, vm);
  const [stay] = await stays(federation, vm, sequence, 1);
  const since = formatTime(stay?.startedAt ?? 0n);
  return {
    facts: { vm, ledger, host, stay: sequence, since, ...sentFacts(sent) },
    lines: [`stay ${sequence} since ${since}`, sentLine(sent)],
  };
}

/* COMMANDS */

/** Adds `amend`, `evacuate`, `succeed` and `adopt` to `vm`. */
export function addChanges(vm: Command, run: Runner): void {
  act(
    withDraft(
      withResources(
        vm
          .command("amend")
          .description("other resources or terms for VMs where they are: home and host sign")
          .argument("[vm...]", "ids, or own names; not with --with-signature"),
      ).option("--paper <file>", "file of the document that began the stay: what --terms leaves out stays as it says"),
    ),
    run,
    "vm amend web-3 --memory 8 --paper move.json --sign-only --out amendment.json",
    amendStay,
  );
  act(
    withAgreement(
      vm
        .command("evacuate")
        .description("takes up elsewhere VMs that their home declared lost: home and destination sign"),
    ),
    run,
    "vm evacuate web-3 --to cumulus --site 1 --sign-only --out evacuation.json",
    evacuateVms,
  );
  act(
    withSigning(
      vm
        .command("succeed")
        .description("ends a VM here, to go on on the ledger that the members named: home and host sign")
        .argument("[vm]", "id, or own name; not with --with-signature")
        .option("--valid-until <time>", "last moment to bring it: ISO 8601, or as +10min (+15min)"),
    ),
    run,
    "vm succeed web-3 --sign-only --out succession.json",
    handToSuccessor,
  );
  act(
    vm
      .command("adopt")
      .description("takes a VM up that its former ledger ended by succeed; anybody may")
      .argument("<vm>", "id, or own name")
      .addHelpText("after", "\n--addresses is the address book of the successor."),
    run,
    "vm adopt web-3 --addresses successor.json",
    adoptVm,
  );
}
