import type { Command } from "commander";

import { attestFeatures } from "../../actions/exchange/attestFeatures.js";
import { offer } from "../../actions/exchange/offer.js";
import { withdrawOffer } from "../../actions/exchange/withdrawOffer.js";
import { sitesOf } from "../../actions/questions/clouds.js";
import { buildRates } from "../../documents/build.js";
import { documentFromJson } from "../../documents/documentJson.js";
import { type Rates, RESOURCE_NAMES } from "../../documents/types.js";
import { currencyToBytes } from "../../charging/currencies.js";
import { formatTime, labelOf } from "../../exports/format.js";
import { type Runner, act, withResources } from "../command.js";
import { readJson } from "../files.js";
import { type Answer, table } from "../output.js";
import { type Session, sentFacts, sentLine } from "../session.js";
import {
  type ResourceOptions,
  formatResources,
  mistake,
  parseCount,
  parseFeatures,
  parseResources,
  parseTime,
} from "../values.js";

/** What clouds offer to each other. */

/** The chain's latest time: an offer without an end. */
const NO_END = 2n ** 48n - 1n;

const sayEnd = (time: bigint): string => (time === NO_END ? "no end" : formatTime(time));

async function listOffers(session: Session, [text]: readonly string[]): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const wanted = text === undefined ? undefined : await session.cloudNamed("CLOUD", text);
  const sites = (await sitesOf(federation)).filter(
    ({ cloud, hasOffer }) => hasOffer && (wanted === undefined || cloud === wanted),
  );
  const offers = sites.map((offered) => {
    const { cloud, site, capacity, biggest, committed, features, validFrom, validUntil, currency, rates } = offered;
    const label = labelOf(labels, cloud);
    return { cloud, label, site, capacity, biggest, committed, features, validFrom, validUntil, currency, rates };
  });
  const rows = offers.map((site) => [
    site.label,
    String(site.site),
    formatResources(site.capacity),
    formatResources(site.committed),
    sayEnd(site.validUntil),
    site.currency,
  ]);
  return {
    facts: { offers },
    lines: table(["cloud", "site", "offered", "promised", "until", "prices in"], rows),
  };
}

interface SetOptions extends ResourceOptions {
  readonly biggest?: string;
  readonly features?: string;
  readonly from?: string;
  readonly until?: string;
  readonly prices?: string;
}

const BIGGEST_NAMES = ["vcpu", "memory", "storage", "iops", "network", "gpus"];

/** `vcpu=16,memory=64` as the options that say the same. */
function parseBiggest(text: string): ResourceOptions {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [name = "", amount = ""] = part.split("=");
      if (!BIGGEST_NAMES.includes(name)) mistake(`--biggest: ${name} is none of ${BIGGEST_NAMES.join(", ")}`);
      return [name, amount];
    }),
  );
}

async function readPrices(path: string): Promise<{ readonly currency: string; readonly rates: Rates }> {
  const json = await readJson(path, "BAD_ARGUMENT");
  if (typeof json !== "object" || json === null) return mistake(`${path} holds no object`);
  const { currency, rates } = json as { readonly currency?: unknown; readonly rates?: unknown };
  if (typeof currency !== "string") return mistake(`${path}: currency is missing`);
  currencyToBytes(currency);
  const given = documentFromJson("Rates", rates ?? {}) as Partial<Rates>;
  for (const [name, rate] of Object.entries(given) as [string, unknown][]) {
    if (!RESOURCE_NAMES.some((known) => known === name)) mistake(`${path}: rates: ${name} is no resource`);
    if (typeof rate !== "bigint") mistake(`${path}: rates: ${name} is no integer as text`);
  }
  return { currency, rates: buildRates(given) };
}

async function setOffer(session: Session, [text = ""]: readonly string[], options: SetOptions): Promise<Answer> {
  const site = parseCount("SITE", text, 0, 65_535);
  const capacity = parseResources(options);
  const biggest = options.biggest === undefined ? capacity : parseResources(parseBiggest(options.biggest));
  const [cloud, labels, head] = await Promise.all([session.cloud(), session.labels(), session.head()]);
  const prices =
    options.prices === undefined ? { currency: "", rates: buildRates({}) } : await readPrices(options.prices);
  const offered = {
    capacity,
    biggest,
    features: options.features === undefined ? 0n : parseFeatures("--features", options.features),
    validFrom: options.from === undefined ? 0n : parseTime("--from", options.from, head.timeMs),
    validUntil: options.until === undefined ? NO_END : parseTime("--until", options.until, head.timeMs),
    ...prices,
  };
  const lines = [
    `Offer of ${labelOf(labels, cloud)} at site ${site}: ${formatResources(capacity)}`,
    `  one VM at most ${formatResources(biggest)}; until ${sayEnd(offered.validUntil)}`,
  ];
  const sent = await session.send(lines, (sender) => offer(sender, cloud, site, offered));
  return { facts: { cloud, site, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

async function withdraw(session: Session, [text = ""]: readonly string[]): Promise<Answer> {
  const site = parseCount("SITE", text, 0, 65_535);
  const [cloud, labels] = await Promise.all([session.cloud(), session.labels()]);
  const lines = [`Withdraw the offer of ${labelOf(labels, cloud)} at site ${site}.`];
  const sent = await session.send(lines, (sender) => withdrawOffer(sender, cloud, site));
  return { facts: { cloud, site, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

async function attest(
  session: Session,
  [name = "", text = ""]: readonly string[],
  options: { readonly features?: string },
): Promise<Answer> {
  const site = parseCount("SITE", text, 0, 65_535);
  const bits = parseFeatures("--features", options.features ?? mistake("--features is missing"));
  const [cloud, labels] = await Promise.all([session.cloudNamed("CLOUD", name), session.labels()]);
  const lines = [`Attest of ${labelOf(labels, cloud)} at site ${site}, and nothing else: bits ${options.features}.`];
  const sent = await session.send(lines, (sender) => attestFeatures(sender, cloud, site, bits));
  return { facts: { cloud, site, features: bits, ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/** Adds `offer`. */
export function addOffers(program: Command, run: Runner): void {
  const command = program.command("offer").helpCommand(false).description("what clouds offer to each other, by site");
  act(
    command
      .command("list")
      .description("offers, with what of them is promised")
      .argument("[cloud]", "only this one's: number or label"),
    run,
    "offer list aurora",
    listOffers,
  );
  act(
    withResources(
      command
        .command("set")
        .description("makes an offer for a site, or replaces the one there")
        .argument("<site>", "number of the own site"),
    )
      .option("--biggest <amounts>", "biggest single VM, as vcpu=16,memory=64,storage=1000; all by default")
      .option("--features <bits>", "numbers of the features that the site has, as 3,130")
      .option("--from <time>", "since when: ISO 8601, or as +1h")
      .option("--until <time>", "until when: ISO 8601, or as +30d; no end by default")
      .option("--prices <file>", 'list prices: {"currency": "EUR", "rates": {"vcpuMilli": "20000000"}}'),
    run,
    "offer set 1 --vcpu 200 --memory 400 --storage 4000 --biggest vcpu=16,memory=64,storage=1000",
    setOffer,
  );
  act(
    command
      .command("withdraw")
      .description("takes an offer back; what is promised stays promised")
      .argument("<site>", "number of the own site"),
    run,
    "offer withdraw 1",
    withdraw,
  );
  act(
    command
      .command("attest")
      .description("the federation's attester says which features a site has, instead of what it said before")
      .argument("<cloud>", "number or label")
      .argument("<site>", "number of its site")
      .option("--features <bits>", "numbers of the features, from 128 on, as 128,130"),
    run,
    "offer attest aurora 1 --features 128,130",
    attest,
  );
}
