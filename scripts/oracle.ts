import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { FetchRequest, JsonRpcProvider, Network } from "ethers";

import { type AddressBook, parseAddressBook } from "../src/chain/addressBook.js";
import { type Federation, openFederation } from "../src/chain/federation.js";
import { BusError } from "../src/errors/busError.js";
import { type OracleConfig, loadKey, loadOracleConfig } from "../src/oracle/config.js";
import { type Oracle, type OracleOptions, createOracle, identityOf } from "../src/oracle/daemon/oracle.js";
import { proveSample } from "../src/oracle/measure/merkle.js";
import { openStore } from "../src/oracle/state/store.js";

const USAGE = `npm run oracle -- --config FILE              measures, reports and answers until it is stopped (docs/oracle.md)
  --once                                     ... until nothing is left that can be done now
  --dry-run                                  ... signs and sends nothing, and says once what it would do
  --results                                  prints each window that it knows, with the opening of its result
  --prove VM,SEQUENCE,WINDOW,METRIC,TIME_MS  prints one raw sample with its Merkle proof`;

const RPC_TIMEOUT_MS = 15_000;

interface Options {
  readonly config: string;
  readonly isOnce: boolean;
  readonly isDryRun: boolean;
  readonly isResults: boolean;
  readonly prove: string | undefined;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      once: { type: "boolean", default: false },
      "dry-run": { type: "boolean", default: false },
      results: { type: "boolean", default: false },
      prove: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  if (values.config === undefined) throw new BusError("BAD_ORACLE_CONFIG", "--config FILE is missing");
  return {
    config: values.config,
    isOnce: values.once,
    isDryRun: values["dry-run"],
    isResults: values.results,
    prove: values.prove,
  };
}

/** One line of JSON, integers that are too big as text. */
function print(facts: object): void {
  const text = JSON.stringify(facts, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
  process.stdout.write(`${text}\n`);
}

async function loadAddressBook(path: string): Promise<AddressBook> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new BusError("BAD_ADDRESS_BOOK", `${path} cannot be read`, { cause });
  });
  try {
    return parseAddressBook(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof BusError) throw new BusError(thrown.code, `${path}: ${thrown.message}`, { cause: thrown });
    throw new BusError("BAD_ADDRESS_BOOK", `${path}: not JSON`, { cause: thrown });
  }
}

async function connect(config: OracleConfig): Promise<Federation> {
  const addressBook = await loadAddressBook(config.addressBook);
  const request = new FetchRequest(config.rpc);
  request.timeout = RPC_TIMEOUT_MS;
  // The chain id is known: ethers would otherwise ask for it, without end, while nobody answers.
  const network = Network.from(BigInt(addressBook.chainId));
  const options = { staticNetwork: network, cacheTimeout: -1, batchMaxCount: 1 };
  const provider = new JsonRpcProvider(request, network, options);
  return openFederation(provider, addressBook).catch((cause: unknown) => {
    if (cause instanceof BusError) throw cause;
    throw new BusError("UNKNOWN_CHAIN", `no node answers at ${config.rpc}`, { cause });
  });
}

/** A copy of the database, so that what is only tried leaves no trace. */
function copyState(options: OracleOptions, folder: string): OracleConfig {
  const { config } = options;
  const copy = { ...config, state: join(folder, "state.sqlite") };
  if (existsSync(config.state)) {
    const store = openStore(config.state, identityOf(options));
    try {
      store.copyTo(copy.state);
    } finally {
      store.close();
    }
  }
  return copy;
}

async function dryRun(options: OracleOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "oracle-"));
  try {
    const oracle = createOracle({ ...options, config: copyState(options, folder), isDryRun: true });
    try {
      await oracle.settle();
    } finally {
      oracle.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

function printResults({ store }: Oracle): void {
  for (const window of store.windows()) {
    const { vm, sequence, number, fromMs, toMs, state, isFinal, outcome, metrics, claimed, report, problem } = window;
    const { observation } = window;
    const opening = report?.metrics;
    const measured = metrics;
    print({
      vm,
      sequence,
      window: number,
      fromMs,
      toMs,
      state,
      isFinal,
      outcome,
      measured,
      claimed,
      opening,
      observation,
      problem,
    });
  }
}

function printProof({ store }: Oracle, wanted: string): void {
  const [vm = "", sequence = "", number = "", metric = "", time = ""] = wanted.split(",");
  const key = { vm: vm.toLowerCase(), sequence: Number(sequence), number: Number(number) };
  const window = store.window(key);
  const samples = store.samples(key);
  const sample = samples.find(({ lane, timeMs }) => lane === metric && timeMs === Number(time));
  if (!window || !sample) throw new BusError("NO_SAMPLES", `--prove: there is no sample ${wanted}`);
  print({
    observation: window.observation,
    metric,
    timeMs: sample.timeMs,
    thousandths: sample.value,
    ...proveSample(samples, sample),
  });
}

async function work(oracle: Oracle, { isOnce }: Options): Promise<void> {
  await oracle.requireStanding();
  const { peers, monitor } = await oracle.serve();
  print({ event: "started", peers: peers?.url, monitor: monitor?.url });
  try {
    if (isOnce) {
      await oracle.settle();
      return;
    }
    const stop = new AbortController();
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.once(name, () => {
        stop.abort();
      });
    }
    await oracle.run(stop.signal);
  } finally {
    await Promise.all([peers?.close(), monitor?.close()]);
  }
}

async function main(): Promise<void> {
  const options = readOptions();
  if (!options) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const config = await loadOracleConfig(options.config);
  const signer = await loadKey(config.signer);
  const sender = config.sender && (await loadKey(config.sender));
  const federation = await connect(config);
  const log: OracleOptions["log"] = (event, facts) => {
    print({ at: new Date().toISOString(), event, ...facts });
  };
  const oracleOptions = { config, federation, signer, sender, log };
  if (options.isDryRun) {
    await dryRun(oracleOptions);
    return;
  }
  const oracle = createOracle(oracleOptions);
  try {
    if (options.isResults) printResults(oracle);
    else if (options.prove !== undefined) printProof(oracle, options.prove);
    else await work(oracle, options);
  } finally {
    oracle.close();
  }
}

try {
  await main();
  process.exit();
} catch (thrown) {
  const message = thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown);
  process.stderr.write(`${thrown instanceof BusError ? `${thrown.code}: ` : ""}${message}\n`);
  process.exit(1);
}
