/** Puts a federation on an existing chain, or compares one that is there with its founding document: see docs/network.md. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";

import { Wallet } from "ethers";

import { deployFederation } from "../network/deployment/deploy.js";
import { verifyDeployment } from "../network/deployment/verify.js";
import { type CompleteFounders, parseFounders, requireComplete } from "../network/founding/founders.js";
import { openOn } from "../network/local/chain.js";
import { NetworkError } from "../network/networkError.js";
import { asJson } from "../network/nodes/folders.js";
import { type AddressBook, parseAddressBook } from "../src/chain/addressBook.js";
import { nodeRpc } from "../src/allowlists/nodeRpc.js";

const USAGE = `npm run deploy -- --network besu --founders FILE   deploys the contracts for these founders; goes on where it was interrupted
  --rpc URL            the chain's node (BESU_RPC_URL)
  --out FILE           where the address book is written (address-book.json)
  --deployment ID      name of Ignition's journal under ignition/deployments (of the chain's id and block 0)
  The deployer's key is in DEPLOYER_PRIVATE_KEY; without it a fresh one deploys, and what is interrupted begins anew.
npm run deploy:verify -- --founders FILE            compares code, roles, parameters and founders with the document
  --rpc URL            the chain's node (BESU_RPC_URL)
  --addresses FILE     the address book (address-book.json)`;

function readValues() {
  return parseArgs({
    allowPositionals: true,
    options: {
      network: { type: "string", default: "besu" },
      founders: { type: "string" },
      rpc: { type: "string" },
      out: { type: "string", default: "address-book.json" },
      addresses: { type: "string", default: "address-book.json" },
      deployment: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
}

type Values = ReturnType<typeof readValues>["values"];

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new NetworkError("BAD_ARGUMENT", `${path} cannot be read`, { cause });
  }
}

async function foundersOf({ founders }: Values): Promise<CompleteFounders> {
  if (founders === undefined)
    throw new NetworkError("BAD_ARGUMENT", "--founders is missing; --help shows what there is");
  return requireComplete(parseFounders(await read(founders)));
}

function urlOf({ network, rpc }: Values): string {
  if (network !== "besu") throw new NetworkError("BAD_ARGUMENT", `--network: ${network} is unknown; there is besu`);
  const url = rpc ?? process.env.BESU_RPC_URL;
  if (url === undefined)
    throw new NetworkError("BAD_ARGUMENT", "neither --rpc nor BESU_RPC_URL says where the node is");
  return url;
}

async function deploy(values: Values): Promise<void> {
  const [founders, url] = [await foundersOf(values), urlOf(values)];
  await nodeRpc(url).send("eth_chainId");
  const { addressBook, deploymentId, deployer } = await deployFederation(founders, {
    url,
    deployerKey: process.env.DEPLOYER_PRIVATE_KEY ?? Wallet.createRandom().privateKey,
    ...(values.deployment !== undefined && { deploymentId: values.deployment }),
  });
  await mkdir(dirname(values.out), { recursive: true });
  await writeFile(values.out, asJson(addressBook));
  for (const [name, address] of Object.entries<string>(addressBook.contracts)) tell(`${name.padEnd(18)} ${address}`);
  tell(`chain ${addressBook.chainId}; deployed by ${deployer}, which has no power left; journal ${deploymentId}`);
  tell(`address book: ${values.out}`);
}

async function verify(values: Values): Promise<number> {
  const [founders, url] = [await foundersOf(values), urlOf(values)];
  let book: AddressBook;
  try {
    book = parseAddressBook(JSON.parse(await read(values.addresses)));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw new NetworkError("BAD_ARGUMENT", `${values.addresses} is not JSON`);
    throw thrown;
  }
  await nodeRpc(url).send("eth_chainId");
  const differences = await verifyDeployment(await openOn(url, book), founders);
  for (const { what, inFile, onChain } of differences)
    tell(`! ${what}: ${onChain} on the chain, ${inFile} in the file`);
  if (differences.length === 0)
    tell("code, roles, parameters, founders and validators are those of the founding document");
  return differences.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const { values, positionals } = readValues();
  if (values.help) {
    tell(USAGE);
    return 0;
  }
  if (positionals[0] === "verify") return verify(values);
  await deploy(values);
  return 0;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown)}\n`);
  process.exitCode = 1;
}
