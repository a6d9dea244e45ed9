import { ZeroAddress } from "ethers";
import type { Command } from "commander";

import { cancelRecoveryChange } from "../../actions/registry/cancelRecoveryChange.js";
import { cancelReplacement } from "../../actions/registry/cancelReplacement.js";
import { completeRecoveryChange } from "../../actions/registry/completeRecoveryChange.js";
import { endLapsedSuspension } from "../../actions/registry/endLapsedSuspension.js";
import { executeReplacement } from "../../actions/registry/executeReplacement.js";
import { liftOwnSuspension } from "../../actions/registry/liftOwnSuspension.js";
import { proposeRecoveryChange } from "../../actions/registry/proposeRecoveryChange.js";
import { revokeAgent } from "../../actions/registry/revokeAgent.js";
import { revokeAllAgents } from "../../actions/registry/revokeAllAgents.js";
import { setAgent } from "../../actions/registry/setAgent.js";
import { setEndpoint } from "../../actions/registry/setEndpoint.js";
import { ask } from "../../chain/ask.js";
import { AgentScope, KeyRole } from "../../chain/enums.js";
import type { Federation } from "../../chain/federation.js";
import { readAll } from "../../chain/logs.js";
import type { Sent } from "../../chain/send.js";
import type { KeyAcceptance } from "../../documents/types.js";
import { BusError } from "../../errors/busError.js";
import { formatTime, labelOf } from "../../exports/format.js";
import { handOut } from "../bringing.js";
import { type Runner, act, choice } from "../command.js";
import { type Answer, table } from "../output.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import { documentLines } from "../showDocument.js";
import { orderedSignatures, readSignedFiles, unsignedFile } from "../signedFile.js";
import { mistake, parseAddress, parseBytes32, parseCount, parseTime } from "../values.js";

/** A cloud's keys: its account's agents, its recovery address, and where it is reached. */

/** The cloud that is named, or the own one. */
function cloudOr(session: Session, text: string | undefined): Promise<number> {
  return text === undefined ? session.cloud() : session.cloudNamed("CLOUD", text);
}

/** Sends something about a cloud, after saying what. */
function onCloud(
  say: (label: string) => string,
  work: (sender: Federation, cloud: number) => Promise<Sent>,
): (session: Session, args: readonly string[]) => Promise<Answer> {
  return async (session, [text]) => {
    const [cloud, labels] = await Promise.all([cloudOr(session, text), session.labels()]);
    const sent = await session.send([say(labelOf(labels, cloud))], (sender) => work(sender, cloud));
    return { facts: { cloud, ...sentFacts(sent) }, lines: [sentLine(sent)] };
  };
}

/* READING */

interface Pending {
  readonly account: string | null;
  readonly recovery: string | null;
  readonly readyAt: string;
}

type PendingKeys = Awaited<ReturnType<Federation["registry"]["pendingRotation"]>>;

function pendingOf({ account, recovery, readyAt }: PendingKeys): Pending | null {
  if (readyAt === 0n) return null;
  const named = (key: string) => (key === ZeroAddress ? null : key);
  return { account: named(account), recovery: named(recovery), readyAt: formatTime(readyAt) };
}

function pendingLines(what: string, pending: Pending | null): string[] {
  if (!pending) return [];
  const keys = [
    ...(pending.account === null ? [] : [`account ${pending.account}`]),
    ...(pending.recovery === null ? [] : [`recovery ${pending.recovery}`]),
  ];
  return [`${what.padEnd(12)}to ${keys.join(", ")}, from ${pending.readyAt} on`];
}

async function showKeys(session: Session, [text]: readonly string[]): Promise<Answer> {
  const [{ registry }, cloud] = await Promise.all([session.federation(), cloudOr(session, text)]);
  const [found, rotation, recoveryChange, replacement] = await Promise.all([
    ask(registry.cloudOf(cloud)),
    ask(registry.pendingRotation(cloud)).then(pendingOf),
    ask(registry.pendingRecoveryChange(cloud)).then(pendingOf),
    ask(registry.pendingReplacement(cloud)).then(pendingOf),
  ]);
  const { label, account, recovery, endpoint, spkiHash } = found;
  const lines = [
    `${label}, cloud ${cloud}`,
    `account     ${account}`,
    `recovery    ${recovery}`,
    `endpoint    ${endpoint}`,
    `TLS key     ${spkiHash}`,
    ...pendingLines("rotation", rotation),
    ...pendingLines("recovery", recoveryChange),
    ...pendingLines("replacement", replacement),
  ];
  return {
    facts: { cloud, label, account, recovery, endpoint, spkiHash, rotation, recoveryChange, replacement },
    lines,
  };
}

function scopesOf(bits: number): string[] {
  return Object.entries(AgentScope).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : [name]));
}

async function listAgents(
  session: Session,
  [text]: readonly string[],
  options: { readonly fromBlock: string },
): Promise<Answer> {
  const fromBlock = parseCount("--from-block", options.fromBlock);
  const [federation, head, labels] = await Promise.all([session.federation(), session.head(), session.labels()]);
  const { registry, provider } = federation;
  const cloud = await cloudOr(session, text);
  const filter = registry.filters.AgentSet(cloud);
  const events = await ask(readAll(provider, (from, to) => registry.queryFilter(filter, from, to), fromBlock));
  const keys = [...new Set(events.map(({ args }) => args.agent))];
  const agents = await Promise.all(
    keys.map(async (agent) => {
      const [found, now] = await Promise.all([ask(registry.agentOf(agent)), ask(registry.agentAt(agent, head.timeMs))]);
      return {
        agent,
        isValid: now.isValid,
        scopes: scopesOf(Number(found.scopes)),
        partners: found.partners.map(Number),
        validUntil: formatTime(found.validUntil),
      };
    }),
  );
  const rows = agents.map(({ agent, isValid, scopes, partners, validUntil }) => [
    agent,
    isValid ? "yes" : "no",
    scopes.join(",") || "none",
    partners.map((partner) => labelOf(labels, partner)).join(",") || "any",
    validUntil,
  ]);
  return { facts: { cloud, agents }, lines: table(["agent", "acts", "scopes", "partners", "until"], rows) };
}

/* ACCEPTANCE */

const ROLES = Object.keys(KeyRole).filter((name) => name !== "None");

interface AcceptOptions {
  readonly role: keyof typeof KeyRole;
  readonly validUntil: string;
  readonly out?: string;
}

async function accept(session: Session, _args: readonly string[], options: AcceptOptions): Promise<Answer> {
  const [federation, labels, head, { address }] = await Promise.all([
    session.federation(),
    session.labels(),
    session.head(),
    session.key(),
  ]);
  const cloud = await session.cloud();
  const validUntil = parseTime("--valid-until", options.validUntil, head.timeMs);
  const document = { cloud, key: address, role: KeyRole[options.role], validUntil };
  const file = await unsignedFile(federation, "KeyAcceptance", document);
  await session.confirm(
    documentLines("KeyAcceptance", document, labels),
    `Sign it: ${address} serves ${labelOf(labels, cloud)}?`,
  );
  const { signature } = await session.atDesk((desk) => desk.sign(federation, "KeyAcceptance", document));
  const { out } = options;
  return handOut([{ ...file, signatures: new Map([[cloud, signature]]) }], out === undefined ? {} : { out }, labels);
}

interface AcceptedOptions {
  readonly withSignature?: string;
}

interface Accepted {
  readonly document: KeyAcceptance;
  readonly acceptance: { readonly validUntil: bigint; readonly signature: string };
}

/**
 * What a key has accepted, in a file.
 * @throws BusError `BAD_SIGNED_FILE` if it is for another cloud or role, `SIGNATURE_MISSING` if the key has not signed.
 */
async function acceptedIn(
  session: Session,
  { withSignature }: AcceptedOptions,
  role: keyof typeof KeyRole,
): Promise<Accepted> {
  const path = withSignature ?? mistake("--with-signature is missing: the file of the key's cloud accept");
  const [federation, labels, cloud] = await Promise.all([session.federation(), session.labels(), session.cloud()]);
  const [file, ...others] = await readSignedFiles(federation, "KeyAcceptance", [path]);
  if (!file || others.length > 0) return mistake("--with-signature: one acceptance at a time");
  const { document } = file;
  if (document.cloud !== cloud || document.role !== KeyRole[role]) {
    const wanted = `to serve ${labelOf(labels, cloud)} as its ${role}`;
    throw new BusError("BAD_SIGNED_FILE", `${path}: the key does not accept ${wanted}`);
  }
  const [signature = ""] = orderedSignatures(file, labels);
  return { document, acceptance: { validUntil: document.validUntil, signature } };
}

function withAcceptance(command: Command): Command {
  return command.option("--with-signature <file>", "the key's acceptance: what cloud accept has written there");
}

/* AGENTS */

interface AgentOptions extends AcceptedOptions {
  readonly scopes?: string;
  readonly partners?: string;
  readonly until: string;
}

function parseScopes(text: string): number {
  const bits: { readonly [name: string]: number } = AgentScope;
  return text
    .split(",")
    .map((name) => bits[name.trim()] ?? mistake(`--scopes: ${name} is none of ${Object.keys(AgentScope).join(", ")}`))
    .reduce((all, bit) => all | bit, 0);
}

async function parsePartners(session: Session, text: string | undefined): Promise<number[]> {
  if (text === undefined) return [];
  const named = text.split(",").map((name) => session.cloudNamed("--partners", name.trim()));
  return [...new Set(await Promise.all(named))].sort((a, b) => a - b);
}

async function bindAgent(session: Session, _args: readonly string[], options: AgentOptions): Promise<Answer> {
  const scopes = parseScopes(options.scopes ?? mistake("--scopes is missing"));
  const [{ document, acceptance }, head, labels, cloud] = await Promise.all([
    acceptedIn(session, options, "Agent"),
    session.head(),
    session.labels(),
    session.cloud(),
  ]);
  const partners = await parsePartners(session, options.partners);
  const until = parseTime("--until", options.until, head.timeMs);
  const names = partners.map((partner) => labelOf(labels, partner)).join(", ");
  const lines = [
    `${document.key} acts for ${labelOf(labels, cloud)} until ${formatTime(until)}:`,
    `  scopes    ${scopesOf(scopes).join(", ")}`,
    `  partners  ${names || "any"}`,
  ];
  const sent = await session.send(lines, (sender) =>
    setAgent(sender, cloud, document.key, scopes, until, partners, acceptance),
  );
  const facts = { cloud, agent: document.key, scopes: scopesOf(scopes), partners, validUntil: formatTime(until) };
  return { facts: { ...facts, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

async function unbindAgent(session: Session, [text = ""]: readonly string[]): Promise<Answer> {
  const agent = parseAddress("AGENT", text);
  const [cloud, labels] = await Promise.all([session.cloud(), session.labels()]);
  const lines = [`${agent} acts for ${labelOf(labels, cloud)} no more, at once.`];
  const sent = await session.send(lines, (sender) => revokeAgent(sender, cloud, agent));
  return { facts: { cloud, agent, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/* ENDPOINT AND RECOVERY */

async function moveEndpoint(
  session: Session,
  [endpoint = ""]: readonly string[],
  { spki }: { readonly spki?: string },
): Promise<Answer> {
  const spkiHash = parseBytes32("--spki", spki ?? mistake("--spki is missing"));
  const [cloud, labels] = await Promise.all([session.cloud(), session.labels()]);
  const lines = [`${labelOf(labels, cloud)} is reached at ${endpoint}`, `  TLS key  ${spkiHash}`];
  const sent = await session.send(lines, (sender) => setEndpoint(sender, cloud, endpoint, spkiHash));
  return { facts: { cloud, endpoint, spkiHash, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

async function changeRecovery(session: Session, _args: readonly string[], options: AcceptedOptions): Promise<Answer> {
  const { document, acceptance } = await acceptedIn(session, options, "Recovery");
  const [cloud, labels] = await Promise.all([session.cloud(), session.labels()]);
  const lines = [
    `${document.key} becomes the recovery address of ${labelOf(labels, cloud)} in 48 h; until then account or recovery`,
    "  can cancel it.",
  ];
  const sent = await session.send(lines, (sender) => proposeRecoveryChange(sender, cloud, document.key, acceptance));
  return { facts: { cloud, recovery: document.key, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/* COMMANDS */

type OnCloud = readonly [
  name: string,
  description: string,
  say: (label: string) => string,
  work: (sender: Federation, cloud: number) => Promise<Sent>,
];

const RECOVERY: readonly OnCloud[] = [
  [
    "complete",
    "puts the next recovery address into office, once its time has come; anybody may",
    (label) => `The next recovery address of ${label} comes into office.`,
    completeRecoveryChange,
  ],
  [
    "cancel",
    "stops the change: the account, or the recovery address in office",
    (label) => `The recovery address of ${label} stays.`,
    cancelRecoveryChange,
  ],
];

const REPLACEMENT: readonly OnCloud[] = [
  [
    "execute",
    "puts the keys into effect that the members announced, once their time has come; anybody may",
    (label) => `${label} has the announced keys from now on. All its agents are void then.`,
    executeReplacement,
  ],
  [
    "cancel",
    "stops the announced replacement: the cloud's keys are not gone",
    (label) => `The keys of ${label} are not gone: they stay.`,
    cancelReplacement,
  ],
];

const SUSPENSION: readonly OnCloud[] = [
  [
    "lift",
    "the recovery address ends its cloud's own suspension",
    (label) => `${label} takes part again.`,
    liftOwnSuspension,
  ],
  [
    "end",
    "ends a guardian's suspension whose time is over; anybody may",
    (label) => `The suspension of ${label} is over.`,
    endLapsedSuspension,
  ],
];

function addGroup(cloud: Command, run: Runner, name: string, description: string, acts: readonly OnCloud[]): Command {
  const group = cloud.command(name).helpCommand(false).description(description);
  for (const [verb, says, say, work] of acts) {
    act(
      group.command(verb).description(says).argument("[cloud]", "number or label; the own one by default"),
      run,
      `cloud ${name} ${verb} aurora`,
      onCloud(say, work),
    );
  }
  return group;
}

function addAgents(cloud: Command, run: Runner): void {
  const agent = cloud.command("agent").helpCommand(false).description("keys that act for a cloud within limits");
  act(
    agent
      .command("list")
      .description("the keys that a cloud's account ever bound, and what each may do now")
      .argument("[cloud]", "number or label; the own one by default")
      .option("--from-block <number>", "block of the deployment, where the chain is long", "0"),
    run,
    "cloud agent list aurora",
    listAgents,
  );
  act(
    withAcceptance(
      agent
        .command("set")
        .description("the account binds an agent that has accepted, or gives one other powers")
        .option("--scopes <scopes>", `any of ${Object.keys(AgentScope).join(", ")}, with commas`)
        .option("--partners <clouds>", "clouds with which it may deal for MOVE_OUT and HOST; any by default")
        .option("--until <time>", "last moment at which it may act, within a year: ISO 8601, or as +90d", "+90d"),
    ),
    run,
    "cloud agent set --with-signature acceptance.json --scopes MOVE_OUT,HOST --partners borealis",
    bindAgent,
  );
  act(
    agent
      .command("revoke")
      .description("takes all powers from an agent, at once: account, recovery address, or the agent itself")
      .argument("<agent>", "its address"),
    run,
    "cloud agent revoke 0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    unbindAgent,
  );
  act(
    agent.command("revoke-all").description("takes all powers from all agents, at once: account or recovery address"),
    run,
    "cloud agent revoke-all",
    onCloud((label) => `No agent acts for ${label} any more, at once.`, revokeAllAgents),
  );
}

/** Adds what is about keys to `cloud`. */
export function addKeys(cloud: Command, run: Runner): void {
  act(
    cloud
      .command("keys")
      .description("the keys of a cloud, and those that wait to come into office")
      .argument("[cloud]", "number or label; the own one by default"),
    run,
    "cloud keys aurora",
    showKeys,
  );
  act(
    cloud
      .command("accept")
      .description("a key signs that it serves the cloud of --as, for that cloud's account; sends nothing")
      .addOption(choice("--role <role>", "as what", ROLES, "Agent"))
      .option("--valid-until <time>", "last moment to bring it: ISO 8601, or as +7d", "+30d")
      .option("--out <file>", "where to write the acceptance; otherwise it is printed"),
    run,
    "cloud accept --as aurora --keystore agent.json --out acceptance.json",
    accept,
  );
  addAgents(cloud, run);
  act(
    cloud
      .command("endpoint")
      .description("the account says where its cloud is reached")
      .argument("<uri>", "of its gateway or oracle")
      .option("--spki <hash>", "SHA-256 of the public key of the endpoint's TLS: 32 bytes in hex"),
    run,
    `cloud endpoint https://bus.aurora.example --spki 0x${"5c".repeat(32)}`,
    moveEndpoint,
  );
  const recovery = addGroup(cloud, run, "recovery", "the address that replaces a lost account", RECOVERY);
  act(
    withAcceptance(recovery.command("propose").description("the account names another recovery address, in 48 h")),
    run,
    "cloud recovery propose --with-signature acceptance.json",
    changeRecovery,
  );
  addGroup(cloud, run, "replacement", "keys that the members announced for a cloud whose keys are gone", REPLACEMENT);
  addGroup(cloud, run, "suspension", "the ends of a suspension that need no vote", SUSPENSION);
}
