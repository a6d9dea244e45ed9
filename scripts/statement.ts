/** What a cloud owes and is owed, from the events of a federation's books. */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { JsonRpcProvider } from "ethers";

import { cloudsOf } from "../src/actions/questions/clouds.js";
import { parseAddressBook } from "../src/chain/addressBook.js";
import { openFederation, readChainId } from "../src/chain/federation.js";
import { readBooks } from "../src/charging/books.js";
import { type Statement, statementOf } from "../src/charging/statement.js";
import { BusError } from "../src/errors/busError.js";
import { apelMessage } from "../src/exports/apel.js";
import { focusCsv } from "../src/exports/focus.js";
import type { Labels } from "../src/exports/format.js";
import { statementCsv, statementJson, statementText } from "../src/exports/statementRows.js";

const USAGE = `npm run statement -- --rpc URL --addresses FILE --cloud CLOUD --from DATE --to DATE
  --cloud CLOUD        number or label
  --from, --to DATE    booked at or after the first and before the second, ISO 8601; without an offset UTC
  --format FORMAT      text (the default), json, csv, apel (usage records v0.4), focus (FOCUS 1.2)
  --from-block NUMBER  the block of the deployment, where the chain is long (0)
  --range NUMBER       how many blocks to ask the node for at once (5000)`;

const FORMATS: { readonly [format: string]: (statement: Statement, labels: Labels) => string } = {
  text: statementText,
  json: statementJson,
  csv: statementCsv,
  apel: apelMessage,
  focus: focusCsv,
};

const CHAIN_ID_REQUEST = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });

function required(name: string, value: string | undefined): string {
  if (value === undefined) throw new BusError("BAD_ARGUMENT", `--${name} is missing: --help tells what is needed`);
  return value;
}

function timeOf(name: string, text: string): bigint {
  const hasZone = /(Z|[+-]\d{2}:\d{2})$/.test(text) || /^\d{4}-\d{2}-\d{2}$/.test(text);
  const time = Date.parse(hasZone ? text : `${text}Z`);
  if (Number.isNaN(time)) throw new BusError("BAD_ARGUMENT", `--${name}: ${text} is no date`);
  return BigInt(time);
}

function countOf(name: string, text: string, least: number): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < least) throw new BusError("BAD_ARGUMENT", `--${name}: ${text}`);
  return count;
}

function cloudNamed(text: string, labels: Labels): number {
  for (const [cloud, label] of labels) if (label === text || String(cloud) === text) return cloud;
  throw new BusError("BAD_ARGUMENT", `--cloud: there is no cloud ${text}`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new BusError("BAD_ADDRESS_BOOK", `${path} cannot be read`, { cause });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BusError("BAD_ADDRESS_BOOK", `${path} is not JSON`, { cause });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rpc: { type: "string" },
      addresses: { type: "string" },
      cloud: { type: "string" },
      from: { type: "string" },
      to: { type: "string" },
      format: { type: "string", default: "text" },
      "from-block": { type: "string", default: "0" },
      range: { type: "string", default: "5000" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const write = FORMATS[values.format];
  if (!write)
    throw new BusError("BAD_ARGUMENT", `--format: ${values.format} is none of ${Object.keys(FORMATS).join()}`);
  const url = required("rpc", values.rpc);
  const path = required("addresses", values.addresses);
  const cloud = required("cloud", values.cloud);
  const from = timeOf("from", required("from", values.from));
  const to = timeOf("to", required("to", values.to));
  const fromBlock = countOf("from-block", values["from-block"], 0);
  const blocksPerRequest = countOf("range", values.range, 1);
  const addressBook = parseAddressBook(parseJson(await readText(path), path));

  // Asked first without ethers, whose provider complains on the screen for as long as nobody answers.
  await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: CHAIN_ID_REQUEST }).catch(
    (cause: unknown) => {
      throw new BusError("UNKNOWN_CHAIN", `no node answers at ${url}`, { cause });
    },
  );
  const provider = new JsonRpcProvider(url, undefined, { cacheTimeout: -1, batchMaxCount: 1, staticNetwork: true });
  try {
    await readChainId(provider).catch((cause: unknown) => {
      throw new BusError("UNKNOWN_CHAIN", `no node answers at ${url}`, { cause });
    });
    const federation = await openFederation(provider, addressBook);
    const labels = new Map((await cloudsOf(federation)).map((found) => [found.cloud, found.label]));
    const books = await readBooks(federation, { fromBlock, blocksPerRequest });
    process.stdout.write(write(statementOf(books, { cloud: cloudNamed(cloud, labels), from, to }), labels));
  } finally {
    provider.destroy();
  }
}

try {
  await main();
} catch (thrown) {
  const message = thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown);
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
