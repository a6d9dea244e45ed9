import type { Command } from "commander";

import { claim } from "../../actions/oracle/claim.js";
import { finalise } from "../../actions/oracle/finalise.js";
import { object } from "../../actions/oracle/object.js";
import { observe } from "../../actions/oracle/observe.js";
import { openWindows } from "../../actions/oracle/openWindows.js";
import { reportAgreed } from "../../actions/oracle/reportAgreed.js";
import { gridOf, observationsOf, resultOf, windowOf } from "../../actions/questions/windows.js";
import { freshSalt } from "../../documents/build.js";
import type { AgreedReport, Metrics, Witnesses } from "../../documents/types.js";
import { formatTime, labelOf } from "../../exports/format.js";
import { checkDocument } from "../../signing/checkDocument.js";
import { METRIC_NAMES, type MetricName, buildMetrics, isMeasured } from "../../sla/metrics.js";
import { signAndBring } from "../bringing.js";
import { type Runner, type SigningOptions, act, withSigning } from "../command.js";
import type { Answer } from "../output.js";
import {
  type PaperOptions,
  type Stay,
  type StayOptions,
  fullAgreementOf,
  publicAgreementOf,
  sayStay,
  stayNamed,
  withPaper,
  withStay,
  withTermsPaper,
} from "../papers.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import { documentLines } from "../showDocument.js";
import { readSignedFiles, unsignedFile } from "../signedFile.js";
import { mistake, parseBytes32, parseCount } from "../values.js";

/** Results of the windows of a stay. */

interface WindowOptions extends StayOptions {
  readonly window?: string;
}

type MetricOptions = { readonly [name in MetricName]?: string };

interface Window extends Stay {
  readonly window: number;
}

async function windowNamed(session: Session, args: readonly string[], options: WindowOptions): Promise<Window> {
  const window = parseCount("--window", options.window ?? mistake("--window is missing"));
  return { ...(await stayNamed(session, args, options)), window };
}

const sayWindow = ({ window, ...stay }: Window): string => `window ${window} of ${sayStay(stay)}`;

function metricsOf(options: MetricOptions): Metrics {
  const values = Object.fromEntries(
    METRIC_NAMES.map((name) => {
      const text = options[name];
      return [name, text === undefined ? undefined : parseCount(flagOf(name), text)];
    }),
  );
  const metrics = buildMetrics(values);
  return metrics.measured === 0 ? mistake(`none of ${METRIC_NAMES.map(flagOf).join(", ")} is given`) : metrics;
}

function flagOf(name: MetricName): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function metricLines(metrics: Metrics): string[] {
  return METRIC_NAMES.filter((name) => isMeasured(metrics, name)).map(
    (name) => `  ${name.padEnd(16)} ${metrics[name]}`,
  );
}

/* COMMANDS */

async function showResult(session: Session, args: readonly string[], options: WindowOptions): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const wanted = await windowNamed(session, args, options);
  const { vm, sequence, window } = wanted;
  const [grid, { from, to }, result] = await Promise.all([
    gridOf(federation, vm, sequence),
    windowOf(federation, vm, sequence, window),
    resultOf(federation, vm, sequence, window),
  ]);
  const facts = {
    ...wanted,
    from: formatTime(from),
    to: formatTime(to),
    home: grid?.home,
    host: grid?.host,
    ...result,
  };
  const by = result.claimant === 0 ? "" : `, claimed by ${labelOf(labels, result.claimant)}`;
  const lines = [
    sayWindow(wanted),
    `  ${facts.from} to ${facts.to}`,
    `  ${result.state}${result.isFinal ? ", final" : ""}${by}`,
    ...(result.metrics ? metricLines(result.metrics) : []),
  ];
  return { facts, lines };
}

async function openStay(
  session: Session,
  args: readonly string[],
  options: StayOptions & PaperOptions,
): Promise<Answer> {
  const stay = await stayNamed(session, args, options);
  const agreement = await publicAgreementOf(await session.federation(), stay, options);
  const lines = [`Open the windows of ${sayStay(stay)}.`];
  const sent = await session.send(lines, (sender) => openWindows(sender, stay.vm, stay.sequence, agreement));
  return { facts: { ...stay, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

type AgreedOptions = WindowOptions & MetricOptions & SigningOptions;

async function reportTogether(session: Session, args: readonly string[], options: AgreedOptions): Promise<Answer> {
  const federation = await session.federation();
  if (options.withSignature && args.length > 0) mistake(`${args.join(" ")}: --with-signature says which VM`);
  const draft = async (): Promise<AgreedReport> => ({
    ...(await windowNamed(session, args, options)),
    metrics: { values: metricsOf(options), salt: freshSalt() },
  });
  const files = options.withSignature
    ? await readSignedFiles(federation, "AgreedReport", options.withSignature)
    : [await unsignedFile(federation, "AgreedReport", await draft())];
  return signAndBring(session, files, options, {
    what: ["Report, final at once:", ...files.map(({ document }) => `  ${sayWindow(document)}`)].join("\n"),
    send: (sender, signed) =>
      reportAgreed(
        sender,
        signed.map(([{ document }]) => document),
        signed.flatMap(([, signatures]) => signatures),
      ),
  });
}

async function claimWindow(
  session: Session,
  args: readonly string[],
  options: WindowOptions & MetricOptions,
): Promise<Answer> {
  const wanted = await windowNamed(session, args, options);
  const metrics = metricsOf(options);
  const cloud = await session.cloud();
  const lines = [`Claim, for the whole federation to read, ${sayWindow(wanted)}:`, ...metricLines(metrics)];
  const sent = await session.send(lines, (sender) =>
    claim(sender, wanted.vm, wanted.sequence, wanted.window, cloud, metrics),
  );
  return { facts: { ...wanted, by: cloud, metrics, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

async function objectTo(
  session: Session,
  args: readonly string[],
  options: WindowOptions & PaperOptions,
): Promise<Answer> {
  const wanted = await windowNamed(session, args, options);
  const agreement = await publicAgreementOf(await session.federation(), wanted, options);
  const lines = [`Object to the claim of ${sayWindow(wanted)}: the witnesses are asked.`];
  const sent = await session.send(lines, (sender) =>
    object(sender, wanted.vm, wanted.sequence, wanted.window, agreement),
  );
  return { facts: { ...wanted, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

type ObserveOptions = WindowOptions & MetricOptions & PaperOptions & { readonly samplesRoot?: string };

async function observeWindow(session: Session, args: readonly string[], options: ObserveOptions): Promise<Answer> {
  const wanted = await windowNamed(session, args, options);
  const samplesRoot = parseBytes32("--samples-root", options.samplesRoot ?? mistake("--samples-root is missing"));
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const { witnesses } = await fullAgreementOf(federation, wanted, options);
  const observation = { ...wanted, metrics: metricsOf(options), samplesRoot };
  checkDocument("Observation", observation);
  const lines = [...documentLines("Observation", observation, labels), "Observe, for the whole federation to read."];
  await session.confirm(lines, "Sign and send it as a witness?");
  const { signature } = await session.atDesk((desk) => desk.sign(federation, "Observation", observation));
  const sent = await session.bring((sender) => observe(sender, observation, witnesses, signature));
  return { facts: { ...wanted, metrics: observation.metrics, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/** Where nobody was heard, the contract does not look at the witnesses: no paper is needed for them. */
const NO_WITNESSES: Witnesses = { members: [], required: 0 };

async function finaliseWindow(
  session: Session,
  args: readonly string[],
  options: WindowOptions & PaperOptions,
): Promise<Answer> {
  const wanted = await windowNamed(session, args, options);
  const { vm, sequence, window } = wanted;
  const federation = await session.federation();
  const observed = await observationsOf(federation, vm, sequence, window);
  const witnesses =
    observed.length === 0 ? NO_WITNESSES : (await fullAgreementOf(federation, wanted, options)).witnesses;
  const lines = [`End the objection to ${sayWindow(wanted)}: ${observed.length} witnesses were heard.`];
  const sent = await session.send(lines, (sender) => finalise(sender, vm, sequence, window, witnesses, observed));
  const { state, metrics } = await resultOf(federation, vm, sequence, window);
  return {
    facts: { ...wanted, state, metrics: metrics ?? null, ...sentFacts(sent) },
    lines: [state, ...(metrics ? metricLines(metrics) : []), sentLine(sent)],
  };
}

function withWindow(command: Command): Command {
  return withStay(command).option("--window <number>", "number of the window, from 0");
}

function withMetrics(command: Command): Command {
  for (const name of METRIC_NAMES) command.option(`${flagOf(name)} <number>`, `measured ${name}`);
  return command;
}

const VM = ["<vm>", "id, or own name"] as const;

/** Adds `report`. */
export function addReports(program: Command, run: Runner): void {
  const report = program.command("report").helpCommand(false).description("results of the windows of a stay");
  act(
    withWindow(
      report
        .command("show")
        .description("the result of a window as it stands")
        .argument(...VM),
    ),
    run,
    "report show web-3 --window 0",
    showResult,
  );
  act(
    withPaper(
      withStay(
        report
          .command("open")
          .description("makes the windows of a stay known; anybody may")
          .argument(...VM),
      ),
    ),
    run,
    "report open web-3",
    openStay,
  );
  act(
    withSigning(
      withMetrics(
        withWindow(
          report
            .command("agreed")
            .description("a result on which home and host agree: final at once, only its hash on the chain")
            .argument("[vm]", "id, or own name; not with --with-signature"),
        ),
      ),
    ),
    run,
    "report agreed web-3 --window 0 --availability-ppm 999950 --sign-only --out window-0.json",
    reportTogether,
  );
  act(
    withMetrics(
      withWindow(
        report
          .command("claim")
          .description("what the own cloud measured")
          .argument(...VM),
      ),
    ),
    run,
    "report claim web-3 --window 1 --availability-ppm 950000",
    claimWindow,
  );
  act(
    withPaper(
      withWindow(
        report
          .command("object")
          .description("objects to a claim of the other side")
          .argument(...VM),
      ),
    ),
    run,
    "report object web-3 --window 1",
    objectTo,
  );
  act(
    withTermsPaper(
      withMetrics(
        withWindow(
          report
            .command("observe")
            .description("what a witness measured in a window under objection: its key signs and sends")
            .argument(...VM),
        ),
      ).option("--samples-root <hash>", "root of the Merkle tree of its samples: 32 bytes in hex"),
    ),
    run,
    `report observe web-3 --window 1 --availability-ppm 999000 --samples-root 0x${"5c".repeat(32)} --paper move.json`,
    observeWindow,
  );
  act(
    withTermsPaper(
      withWindow(
        report
          .command("finalise")
          .description("ends an objection by what the witnesses measured; anybody may, after their time")
          .argument(...VM),
      ),
    ),
    run,
    "report finalise web-3 --window 1 --paper move.json",
    finaliseWindow,
  );
}
