import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { BusError } from "../src/errors/busError.js";
import { askQuestions } from "../src/scenario/answers.js";
import { factsJson } from "../src/scenario/facts.js";
import { type Scenario, lengthOf, parseScenario } from "../src/scenario/format.js";
import { answerLines, closingLines, stepLines, tally } from "../src/scenario/report.js";
import { prepare, runTimeline } from "../src/scenario/run.js";
import { type BurstOptions, burstsByCloud, scenarioOfTrace, traceReport } from "../src/trace/burst.js";
import { openEmbedded, openRemote } from "./chains.js";

const USAGE = `npm start                          runs scenarios/federation.json on an embedded chain
npm start -- FILE                  runs another scenario
npm start -- --trace FILE          runs a scenario derived from a load in the Bitbrains format
npm start -- --rpc URL             runs scenarios/live.json on an existing chain, contracts deployed first
  --burst-at %, --return-below %   ... its thresholds in per cent of the CPU (the 99th percentile, a third of it)
  --addresses FILE                 ... with the contracts of this address book (keys in the environment, see README)
  --max-wait SECONDS               ... refuses a scenario that would have to wait longer (600)
  --json FILE                      writes every fact that was shown`;

const SHIPPED = "scenarios/federation.json";
const LIVE = "scenarios/live.json";

interface Options {
  readonly file: string | undefined;
  readonly rpc: string | undefined;
  readonly addresses: string | undefined;
  readonly json: string | undefined;
  readonly trace: string | undefined;
  readonly burst: Partial<BurstOptions>;
  readonly maxWaitMs: number;
}

function readOptions(): Options | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rpc: { type: "string" },
      addresses: { type: "string" },
      json: { type: "string" },
      trace: { type: "string" },
      "burst-at": { type: "string" },
      "return-below": { type: "string" },
      "max-wait": { type: "string", default: "600" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  if (positionals.length > 1)
    throw new BusError("BAD_SCENARIO", `one scenario at a time, not ${positionals.join(" ")}`);
  const maxWait = Number(values["max-wait"]);
  if (!(maxWait >= 0)) throw new BusError("BAD_SCENARIO", `--max-wait: ${values["max-wait"]} is no number of seconds`);
  return {
    file: positionals[0],
    rpc: values.rpc,
    addresses: values.addresses,
    json: values.json,
    trace: values.trace,
    burst: {
      ...percent("burstAt", "--burst-at", values["burst-at"]),
      ...percent("returnBelow", "--return-below", values["return-below"]),
    },
    maxWaitMs: maxWait * 1000,
  };
}

function percent(name: keyof BurstOptions, flag: string, text: string | undefined): Partial<BurstOptions> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!(value > 0)) throw new BusError("BAD_SCENARIO", `${flag}: ${text} is no percentage`);
  return { [name]: value };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new BusError("BAD_SCENARIO", `${path} cannot be read`, { cause });
  }
}

async function loadScenario(options: Options): Promise<{ readonly scenario: Scenario; readonly intro: string[] }> {
  if (options.trace !== undefined) {
    const burst = scenarioOfTrace(await read(options.trace), options.burst);
    return { scenario: burst.scenario, intro: traceReport(burst) };
  }
  const file = options.file ?? (options.rpc === undefined ? SHIPPED : LIVE);
  const text = await read(file);
  try {
    return { scenario: parseScenario(text), intro: [] };
  } catch (thrown) {
    if (thrown instanceof BusError) throw new BusError(thrown.code, `${file}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}

/** Rewrites one line while something long goes on; silent where nobody watches. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function print(lines: readonly string[]): void {
  progress("");
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

async function main(): Promise<number> {
  const options = readOptions();
  if (!options) {
    print([USAGE]);
    return 0;
  }
  const { scenario, intro } = await loadScenario(options);
  const last = lengthOf(scenario);
  if (options.rpc !== undefined && last > options.maxWaitMs) {
    const needed = Math.ceil(last / 1000);
    throw new BusError(
      "BAD_SCENARIO",
      `/timeline: takes ${needed} s of real time on a real chain, more than --max-wait ${options.maxWaitMs / 1000}`,
    );
  }

  progress("deploying the contracts");
  const setting =
    options.rpc === undefined
      ? await openEmbedded(scenario)
      : await openRemote(
          scenario,
          options.rpc,
          options.addresses === undefined ? undefined : await read(options.addresses),
        );
  progress("preparing clouds, offers and VMs");
  const world = await prepare(scenario, setting);
  const where = options.rpc ?? "an embedded chain";
  print([
    `${scenario.name}: ${scenario.clouds.length} clouds, ${scenario.vms.length} VMs, ${scenario.timeline.length} steps on ${where}`,
    ...(scenario.description === undefined ? [] : [scenario.description]),
    ...intro,
    "",
    "  time          outcome   step",
  ]);

  const facts = await runTimeline(world, (fact) => {
    print(stepLines(world, fact));
    progress(`step ${fact.index + 1} of ${scenario.timeline.length}`);
  });
  progress("asking the chain");
  const answers = await askQuestions(world);
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify(factsJson(facts, answers), null, 2)}\n`);
  const bursts =
    options.trace === undefined ? [] : ["", "Where did the VM burst to?", "", ...burstsByCloud(world, answers)];
  print([...answerLines(world, answers), ...bursts, ...closingLines(facts)]);
  return tally(facts).missed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  progress("");
  const message = thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown);
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
