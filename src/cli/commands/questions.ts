import type { Command } from "commander";

import { canHost } from "../../actions/questions/canHost.js";
import { type CloudView, sitesOf } from "../../actions/questions/clouds.js";
import { historyOf } from "../../actions/questions/history.js";
import { hostAt } from "../../actions/questions/hostAt.js";
import { standingOf } from "../../actions/questions/reputation.js";
import { vmOf } from "../../actions/questions/vmOf.js";
import { CloudStatus, DocumentKind, nameOf } from "../../chain/enums.js";
import type { Resources } from "../../documents/types.js";
import { formatTime, labelOf } from "../../exports/format.js";
import { matchHosts } from "../../matchmaking/matchHosts.js";
import { STANDING_ONE } from "../../reputation/standing.js";
import { type Runner, act, collect, withResources } from "../command.js";
import { EXIT_CODES } from "../exitCodes.js";
import { type Answer, table } from "../output.js";
import { type Session, cloudText } from "../session.js";
import { formatRate } from "../units.js";
import {
  type ResourceOptions,
  formatResources,
  mistake,
  parseFeatures,
  parseResources,
  parseTime,
  parseWeight,
} from "../values.js";
import { addKeys } from "./keys.js";

/** Questions that need no key. */

function cloudFacts({ cloud, label, status, account, endpoint }: CloudView) {
  return { cloud, label, status: nameOf(CloudStatus, status), account, endpoint };
}

async function listClouds(session: Session): Promise<Answer> {
  const clouds = (await session.clouds()).map(cloudFacts);
  const rows = clouds.map(({ cloud, label, status, account, endpoint }) => [
    String(cloud),
    label,
    status,
    account,
    endpoint,
  ]);
  return { facts: { clouds }, lines: table(["cloud", "label", "status", "account", "endpoint"], rows) };
}

const PERCENT = 100;

async function showCloud(session: Session, [text = ""]: readonly string[]): Promise<Answer> {
  const federation = await session.federation();
  const wanted = await session.cloudNamed("CLOUD", text);
  const [clouds, sites, standing] = await Promise.all([
    session.clouds(),
    sitesOf(federation),
    standingOf(federation, wanted),
  ]);
  const found = clouds.find(({ cloud }) => cloud === wanted) ?? mistake(`CLOUD: there is no cloud ${text}`);
  const own = sites.filter(({ cloud, hasOffer }) => cloud === wanted && hasOffer);
  const share = (value: bigint) => Number((value * 10_000n) / STANDING_ONE) / PERCENT;
  const reputation = { scorePercent: share(standing.score), confidencePercent: share(standing.confidence) };
  const facts = {
    ...cloudFacts(found),
    reputation,
    sites: own.map(({ site, capacity, committed }) => ({ site, capacity, committed })),
  };
  const lines = [
    `${found.label}, cloud ${wanted}: ${facts.status}`,
    `account     ${found.account}`,
    `endpoint    ${found.endpoint}`,
    `reputation  ${reputation.scorePercent} % of promises kept, confidence ${reputation.confidencePercent} %`,
    ...own.flatMap(({ site, capacity, committed }) => [
      `site ${site}`,
      `  offered   ${formatResources(capacity)}`,
      `  promised  ${formatResources(committed)}`,
    ]),
  ];
  return { facts, lines };
}

interface WhereOptions {
  readonly at?: string;
}

async function where(session: Session, [text = ""]: readonly string[], { at }: WhereOptions): Promise<Answer> {
  const [federation, head, labels] = await Promise.all([session.federation(), session.head(), session.labels()]);
  const vm = await session.vmNamed(text);
  const time = at === undefined ? head.timeMs : parseTime("--at", at);
  const host = await hostAt(federation, vm, time);
  const facts = { vm, at: formatTime(time), host, label: host === 0 ? null : labelOf(labels, host) };
  return { facts, lines: [`${cloudText(labels, host)} at ${facts.at}`] };
}

async function history(session: Session, [text = ""]: readonly string[]): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const vm = await session.vmNamed(text);
  const entries = await historyOf(federation, vm);
  const keys = (signers: (typeof entries)[number]["signers"]) =>
    signers.map(({ cloud, isAgent }) => `${labelOf(labels, cloud)}${isAgent ? " (agent)" : ""}`).join(", ");
  const stays = entries.map((stay) => ({
    sequence: stay.sequence,
    host: stay.host,
    label: labelOf(labels, stay.host),
    site: stay.site,
    from: formatTime(stay.startedAt),
    to: stay.endedAt === 0n ? null : formatTime(stay.endedAt),
    document: stay.agreement === 0 ? null : nameOf(DocumentKind, stay.kind),
    agreement: stay.agreementId ?? null,
    transaction: stay.transaction ?? null,
    signers: stay.signers,
    handoverSigners: stay.handoverSigners,
  }));
  const rows = stays.map((stay) => [
    String(stay.sequence),
    stay.label,
    stay.from,
    stay.to ?? "now",
    stay.document === null ? "home" : `${stay.document} ${(stay.agreement ?? "").slice(0, 10)}`,
    [keys(stay.signers), keys(stay.handoverSigners)].filter((part) => part !== "").join("; handover: "),
  ]);
  return { facts: { vm, stays }, lines: table(["stay", "on", "from", "to", "began by", "signed by"], rows) };
}

interface MatchOptions extends ResourceOptions {
  readonly vm?: string[];
  readonly features?: string;
  readonly except?: string[];
  readonly priceWeight?: string;
  readonly reputationWeight?: string;
}

async function needsOf(session: Session, options: MatchOptions): Promise<{ needs: Resources[]; hosts: number[] }> {
  if (options.vm === undefined) return { needs: [parseResources(options)], hosts: [] };
  const federation = await session.federation();
  const vms = await Promise.all(options.vm.map(async (text) => vmOf(federation, await session.vmNamed(text))));
  return { needs: vms.map(({ resources }) => resources), hosts: vms.map(({ host }) => host) };
}

async function match(session: Session, _args: readonly string[], options: MatchOptions): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const features = options.features === undefined ? 0n : parseFeatures("--features", options.features);
  const { needs, hosts } = await needsOf(session, options);
  const excepted = await Promise.all((options.except ?? []).map((text) => session.cloudNamed("--except", text)));
  const { candidates, refused } = await matchHosts(
    federation,
    needs.map((resources) => ({ resources, features })),
    {
      except: [...hosts, ...excepted],
      ...(options.priceWeight !== undefined && { priceWeight: parseWeight("--price-weight", options.priceWeight) }),
      ...(options.reputationWeight !== undefined && {
        reputationWeight: parseWeight("--reputation-weight", options.reputationWeight),
      }),
    },
  );
  const [best] = candidates;
  // What is ranked here was computed from what was read; the chain has the last word.
  const refusal =
    best &&
    (await canHost(
      federation,
      best.cloud,
      best.site,
      needs.map((resources) => ({ resources, features })),
    ));
  const facts = {
    candidates: candidates.map((found) => ({ ...found, label: labelOf(labels, found.cloud) })),
    refused: refused.map((found) => ({ ...found, label: labelOf(labels, found.cloud) })),
  };
  const rows = facts.candidates.map((found) => [
    found.label,
    String(found.site),
    found.score.toFixed(3),
    `${(found.roomLeft * PERCENT).toFixed(1)} %`,
    found.pricePerHour === undefined ? "-" : `${formatRate(found.pricePerHour)} ${found.currency}`,
    found.trust === undefined ? "-" : found.trust.toFixed(3),
  ]);
  const lines = [
    ...(rows.length === 0
      ? ["No site would take it."]
      : table(["cloud", "site", "score", "room left", "per hour", "trust"], rows)),
    ...(refusal ? [`Just now ${labelOf(labels, best.cloud)} refuses: ${refusal.message}`] : []),
    ...facts.refused.map(({ label, site, errorName, args }) => {
      const values = Object.entries(args).map(([name, value]) => `${name}: ${String(value)}`);
      return `  not ${label}, site ${site}: ${errorName}(${values.join(", ")})`;
    }),
  ];
  return { facts, lines, ...(rows.length === 0 && { exitCode: EXIT_CODES.NONE_FOUND }) };
}

/** Adds `cloud`, `where`, `history` and `match`. */
export function addQuestions(program: Command, run: Runner): void {
  const cloud = program.command("cloud").helpCommand(false).description("who is in the federation");
  act(cloud.command("list").description("all clouds that were ever admitted"), run, "cloud list", listClouds);
  act(
    cloud
      .command("show")
      .description("one cloud: keys, standing, reputation, sites")
      .argument("<cloud>", "number or label"),
    run,
    "cloud show aurora --json",
    showCloud,
  );
  addKeys(cloud, run);
  act(
    program
      .command("where")
      .description("where a VM runs, or ran at a time")
      .argument("<vm>", "id, or own name")
      .option("--at <time>", "ISO 8601, without an offset UTC; now if it is left out"),
    run,
    "where web-3 --at 2026-01-05T12:00:00Z",
    where,
  );
  act(
    program.command("history").description("where a VM ran, and who signed for it").argument("<vm>", "id, or own name"),
    run,
    "history web-3",
    history,
  );
  act(
    withResources(program.command("match").description("which site would take VMs now, the best first"))
      .option("--vm <vm>", "these VMs as they are registered, instead of amounts", collect)
      .option("--features <bits>", "numbers of the features that are needed, as 3,130")
      .option("--except <cloud>", "clouds that are not asked", collect)
      .option("--price-weight <weight>", "weight of the price against that of the room, from 0 to 1 (0.5)")
      .option("--reputation-weight <weight>", "weight of reputation against both, from 0 to 1 (0)"),
    run,
    "match --vcpu 2 --memory 4 --storage 40 --reputation-weight 0.3",
    match,
  );
}
