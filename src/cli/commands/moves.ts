import { ZeroHash } from "ethers";
import type { Command } from "commander";

import { abort } from "../../actions/ledger/abort.js";
import { abortMutually } from "../../actions/ledger/abortMutually.js";
import { agree } from "../../actions/ledger/agree.js";
import { complete } from "../../actions/ledger/complete.js";
import { record } from "../../actions/ledger/record.js";
import { start } from "../../actions/ledger/start.js";
import { canAgree } from "../../actions/questions/canAgree.js";
import { ask } from "../../chain/ask.js";
import { AbortReason } from "../../chain/enums.js";
import { eventOf } from "../../chain/send.js";
import type { Agreement, Handover, Move, Release } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { labelOf } from "../../exports/format.js";
import { type AgreementOptions, draftAgreement, requireNoArguments, withAgreement } from "../agreements.js";
import { signAndBring } from "../bringing.js";
import { type Runner, type SigningOptions, act, collect, choice, withSigning } from "../command.js";
import type { Answer } from "../output.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import { readSignedFiles, unsignedFile } from "../signedFile.js";
import { type KnownMove, openMoveOf } from "../signers.js";
import { mistake, parseBytes32, parseTime } from "../values.js";

/** The acts of a migration: by papers that both sides sign, and by sending. */

/* AGREE */

interface AgreeOptions extends AgreementOptions {
  readonly startBy?: string;
  readonly completeBy?: string;
}

async function draftMove(session: Session, names: readonly string[], options: AgreeOptions): Promise<Move> {
  const [federation, head, agreement] = await Promise.all([
    session.federation(),
    session.head(),
    draftAgreement(session, names, options),
  ]);
  const { startWithin, completeWithin } = await ask(federation.ledger.parameters());
  const by = (name: string, text: string | undefined, within: bigint) =>
    text === undefined ? head.timeMs + within * 1_000n : parseTime(name, text, head.timeMs);
  return {
    agreement,
    startBy: by("--start-by", options.startBy, startWithin),
    completeBy: by("--complete-by", options.completeBy, completeWithin),
  };
}

async function agreeMove(session: Session, names: readonly string[], options: AgreeOptions): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  if (options.withSignature) requireNoArguments(names);
  const files = options.withSignature
    ? await readSignedFiles(federation, "Move", options.withSignature)
    : [await unsignedFile(federation, "Move", await draftMove(session, names, options))];
  const [file] = files;
  if (!file || files.length > 1) return mistake("--with-signature: the files are about different moves");
  const refusal = await canAgree(federation, file.document);
  if (refusal) throw refusal;
  const { lines, source, destination } = file.document.agreement;
  return signAndBring(session, files, options, {
    what: `Agree: ${lines.length} VM from ${labelOf(labels, source)} to ${labelOf(labels, destination)}.`,
    send: (sender, [signed]) => (signed ? agree(sender, signed[0].document, signed[1]) : mistake("no document")),
    facts: (sent) => ({ number: Number(eventOf(sent, "MoveAgreed").args.number) }),
  });
}

/* WHAT WAS HANDED OVER */

interface ReleaseOptions {
  readonly digest?: string[];
  readonly releasedAt?: string;
}

/** Digests of `VM=DIGEST`, or of the only VM. */
async function digestsOf(
  session: Session,
  vms: readonly string[],
  given: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const text of given) {
    const [left = "", right] = text.split("=");
    const [only] = vms;
    if (right === undefined && (vms.length > 1 || only === undefined)) mistake(`--digest: ${text} is no VM=DIGEST`);
    const vm = right === undefined ? (only ?? "") : await session.vmNamed(left);
    if (!vms.includes(vm)) mistake(`--digest: ${left} is none of the VMs`);
    digests.set(vm, parseBytes32("--digest", right ?? left));
  }
  return digests;
}

async function releasesOf(
  session: Session,
  agreement: Pick<Agreement, "lines" | "digestKind">,
  options: ReleaseOptions,
): Promise<Release[]> {
  const head = await session.head();
  const vms = agreement.lines.map(({ vm }) => vm);
  const digests = await digestsOf(session, vms, options.digest ?? []);
  const releasedAt = options.releasedAt === undefined ? head.timeMs : parseTime("--released-at", options.releasedAt);
  return vms.map((vm) => {
    const stateDigest = digests.get(vm) ?? ZeroHash;
    if (stateDigest === ZeroHash && agreement.digestKind !== 0) {
      mistake(`--digest: the agreement wants a digest of ${vm}`);
    }
    return { vm, stateDigest, releasedAt };
  });
}

function withReleases(command: Command): Command {
  return command
    .option("--digest <digest>", "VM=DIGEST of the state that was handed over, 32 bytes in hex", collect)
    .option("--released-at <time>", "when the source paused them: ISO 8601; now by default");
}

/* START, COMPLETE, ABORT */

async function theMove(session: Session, names: readonly string[]): Promise<KnownMove> {
  const [name = mistake("VM is missing")] = names;
  return openMoveOf(await session.federation(), await session.vmNamed(name));
}

async function sayMove(session: Session, verb: string, { move, number, id }: KnownMove): Promise<string[]> {
  const labels = await session.labels();
  const { source, destination, lines } = move.agreement;
  const way = `from ${labelOf(labels, source)} to ${labelOf(labels, destination)}`;
  return [`${verb} move ${number} (${id}) ${way}:`, ...lines.map(({ vm }) => `  ${vm}`)];
}

async function startMove(session: Session, names: readonly string[]): Promise<Answer> {
  const known = await theMove(session, names);
  const sent = await session.send(await sayMove(session, "Start", known), (sender) => start(sender, known.move));
  return { facts: { number: known.number, move: known.id, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

interface CompleteOptions extends SigningOptions, ReleaseOptions {
  readonly validUntil?: string;
}

const HANDOVER_MS = 5n * 60_000n;

async function draftHandover(session: Session, names: readonly string[], options: CompleteOptions): Promise<Handover> {
  const [known, head] = await Promise.all([theMove(session, names), session.head()]);
  const validUntil =
    options.validUntil === undefined
      ? head.timeMs + HANDOVER_MS
      : parseTime("--valid-until", options.validUntil, head.timeMs);
  return { move: known.id, releases: await releasesOf(session, known.move.agreement, options), validUntil };
}

async function completeMove(session: Session, names: readonly string[], options: CompleteOptions): Promise<Answer> {
  const federation = await session.federation();
  if (options.withSignature) requireNoArguments(names);
  const files = options.withSignature
    ? await readSignedFiles(federation, "Handover", options.withSignature)
    : [await unsignedFile(federation, "Handover", await draftHandover(session, names, options))];
  const [file] = files;
  const [release] = file?.document.releases ?? [];
  if (!file || !release || files.length > 1)
    return mistake("--with-signature: the files are about different handovers");
  const known = await openMoveOf(federation, release.vm);
  if (known.id !== file.document.move) {
    throw new BusError("BAD_SIGNED_FILE", `/document/move: ${file.document.move} is not the VM's move, ${known.id}`);
  }
  return signAndBring(session, files, options, {
    what: (await sayMove(session, "Complete", known)).join("\n"),
    isFirstFirst: true,
    send: (sender, [signed]) =>
      signed ? complete(sender, known.move, signed[0].document, signed[1]) : mistake("no document"),
    facts: () => ({ number: known.number, move: known.id }),
  });
}

const ABORT_REASONS = Object.keys(AbortReason).filter((name) => name !== "None");

interface AbortOptions extends SigningOptions {
  readonly reason: keyof typeof AbortReason;
  readonly mutual?: boolean;
  readonly validUntil?: string;
}

async function abortMove(session: Session, names: readonly string[], options: AbortOptions): Promise<Answer> {
  if (options.mutual) return abortTogether(session, names, options);
  if (options.signOnly || options.withSignature || options.out !== undefined) {
    mistake("--sign-only, --out and --with-signature go with --mutual");
  }
  const [known, cloud] = await Promise.all([theMove(session, names), session.cloud()]);
  const lines = await sayMove(session, `Abort (${options.reason})`, known);
  const sent = await session.send(lines, (sender) => abort(sender, known.move, cloud, AbortReason[options.reason]));
  return { facts: { number: known.number, move: known.id, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

async function abortTogether(session: Session, names: readonly string[], options: AbortOptions): Promise<Answer> {
  const [federation, head, known] = await Promise.all([session.federation(), session.head(), theMove(session, names)]);
  const validUntil = parseTime("--valid-until", options.validUntil ?? "+15min", head.timeMs);
  const consent = { move: known.id, reason: AbortReason[options.reason], validUntil };
  const files = options.withSignature
    ? await readSignedFiles(federation, "MutualAbort", options.withSignature)
    : [await unsignedFile(federation, "MutualAbort", consent)];
  const [file] = files;
  if (!file || files.length > 1 || file.document.move !== known.id) {
    return mistake("--with-signature: the files are not about this move");
  }
  return signAndBring(session, files, options, {
    what: (await sayMove(session, "Abort together", known)).join("\n"),
    send: (sender, [signed]) =>
      signed ? abortMutually(sender, known.move, signed[0].document, signed[1]) : mistake("no document"),
    facts: () => ({ number: known.number, move: known.id }),
  });
}

/* RECORDS */

interface RecordOptions extends AgreementOptions, ReleaseOptions {
  readonly runningAt?: string;
}

async function recordMigration(session: Session, names: readonly string[], options: RecordOptions): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  if (options.withSignature) requireNoArguments(names);
  const draft = async () => {
    const agreement = await draftAgreement(session, names, options);
    const releases = await releasesOf(session, agreement, options);
    const at = options.runningAt === undefined ? undefined : parseTime("--running-at", options.runningAt);
    return { agreement, receipts: releases.map((one) => ({ ...one, runningAt: at ?? one.releasedAt })) };
  };
  const files = options.withSignature
    ? await readSignedFiles(federation, "Record", options.withSignature)
    : [await unsignedFile(federation, "Record", await draft())];
  const [file] = files;
  if (!file || files.length > 1) return mistake("--with-signature: the files are about different records");
  const { lines, source, destination } = file.document.agreement;
  return signAndBring(session, files, options, {
    what: `Record: ${lines.length} VM moved from ${labelOf(labels, source)} to ${labelOf(labels, destination)}.`,
    send: (sender, [signed]) => (signed ? record(sender, signed[0].document, signed[1]) : mistake("no document")),
  });
}

/** Adds `agree`, `start`, `complete`, `record` and `abort`. */
export function addMoves(program: Command, run: Runner): void {
  act(
    withAgreement(program.command("agree").description("agrees a move: home and destination sign"))
      .option("--start-by <time>", "last moment to start; as late as allowed by default")
      .option("--complete-by <time>", "last moment to complete; as late as allowed by default"),
    run,
    "agree web-3 --to borealis --site 1 --sign-only --out move.json",
    agreeMove,
  );
  act(
    program
      .command("start")
      .description("the source starts the open move of a VM, and of all that move with it")
      .argument("<vm>", "id, or own name"),
    run,
    "start web-3 --yes",
    startMove,
  );
  act(
    withSigning(
      withReleases(
        program
          .command("complete")
          .description("completes the open move of a VM: the destination signs the handover, then the source")
          .argument("[vm]", "id, or own name; not with --with-signature")
          .option("--valid-until <time>", "last moment to bring it: ISO 8601, or as +3min (+5min)"),
      ),
    ),
    run,
    "complete --with-signature handover.json",
    completeMove,
  );
  act(
    withReleases(
      withAgreement(
        program
          .command("record")
          .description("records a migration that already happened: home, source and destination sign"),
      ),
    ).option("--running-at <time>", "since when they run at the destination: ISO 8601; --released-at by default"),
    run,
    "record web-3 --to borealis --site 1 --sign-only --out record.json",
    recordMigration,
  );
  act(
    withSigning(
      program
        .command("abort")
        .description("gives the open move of a VM up: a party alone, or source and destination together")
        .argument("<vm>", "id, or own name")
        .addOption(choice("--reason <reason>", "why", ABORT_REASONS, "Unspecified"))
        .option("--mutual", "source and destination sign: it counts for nobody")
        .option("--valid-until <time>", "with --mutual, last moment to bring it: ISO 8601, or as +10min (+15min)"),
    ),
    run,
    "abort web-3 --reason TransferFailed",
    abortMove,
  );
}
