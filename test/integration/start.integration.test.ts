import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

import type { Scenario } from "../../src/scenario/format.js";
import { smallScenario } from "../fixtures/scenarios.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

/** Runs what `npm start` runs when everything is installed and built. */
function start(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = ["--import", "tsx", "scripts/start.ts", ...args];
    const child = execFile(process.execPath, command, { cwd: ROOT }, (_error, out, errors) => {
      resolve({ code: child.exitCode ?? 1, out, errors });
    });
  });
}

interface Facts {
  readonly accepted: number;
  readonly refused: number;
  readonly expectations: { readonly met: number; readonly missed: number };
  readonly clouds: readonly { readonly label: string; readonly status: string }[];
  readonly vms: readonly {
    readonly name: string;
    readonly state: string;
    readonly stays: readonly { readonly host: string; readonly startedAt: number; readonly endedAt: number }[];
  }[];
  readonly events: readonly { readonly name: string }[];
  readonly steps: readonly { readonly error: string | null }[];
}

describe("npm start", function () {
  this.timeout(120_000);
  let folder: string;

  const write = async (name: string, content: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };
  const failing = async (args: readonly string[]): Promise<string> => {
    const { code, errors } = await start(...args);
    expect(code).to.equal(1);
    expect(errors.trim().split("\n"), errors).to.have.length(1);
    return errors;
  };

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "start-"));
  });

  after(async function () {
    await rm(folder, { recursive: true });
  });

  it("runs the shipped scenario, and writes every fact", async function () {
    const json = join(folder, "facts.json");
    const { code, out, errors } = await start("--json", json);
    const facts = JSON.parse(await readFile(json, "utf8")) as Facts;

    expect(errors).to.equal("");
    expect(code).to.equal(0);
    expect(facts.expectations.missed).to.equal(0);
    expect(facts.clouds.length).to.be.at.least(5);
    expect(facts.vms.length).to.be.at.least(12);
    expect(facts.steps.map(({ error }) => error)).to.include.members([
      "MigrationLedger_WrongHost",
      "CapacityExchange_NoRoom",
      "CapacityExchange_FeaturesMissing",
      "MigrationLedger_SignatureCount",
      "MigrationLedger_StaleNonce",
      "MigrationLedger_Revoked",
      "MigrationLedger_WrongState",
    ]);
    expect(facts.events.map(({ name }) => name)).to.include.members([
      "MoveAgreed",
      "MoveCompleted",
      "MoveAborted",
      "MoveExpired",
      "LossDeclared",
      "LossContested",
      "NoticeGiven",
      "VmStopped",
      "VmTerminated",
      "AccountChanged",
      "DocumentAccepted",
    ]);
    for (const { stays } of facts.vms) {
      stays.slice(1).forEach((stay, index) => {
        expect(stay.startedAt).to.be.at.least(stays[index]?.endedAt ?? Infinity);
      });
    }
    const lines = out.trimEnd().split("\n");
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(120);
    expect(lines.at(-1)).to.include(`${facts.accepted} records accepted, ${facts.refused} refused`);
    // Nothing but text where nobody watches.
    expect(out).not.to.include("\u001b");
  });

  it("ends with code 1 when an expectation is missed", async function () {
    const wrong: Scenario = {
      ...smallScenario(),
      expectations: { states: [{ vm: "web-1", state: "Abroad" }] },
    };
    const { code, out } = await start(await write("wrong.json", JSON.stringify(wrong)));

    expect(code).to.equal(1);
    expect(out).to.include("MISSED: state of web-1: expected Abroad, found Home");
  });

  it("says in one line what is wrong with its input", async function () {
    const unknown = await write("unknown.json", JSON.stringify({ ...smallScenario(), colour: "red" }));
    const garbled = await write("garbled.json", "not\nJSON");
    const noTrace = await write("trace.csv", "a;b\n1;2\n");

    expect(await failing([unknown])).to.include("/colour: unknown key");
    expect(await failing([garbled])).to.include("not JSON");
    expect(await failing([join(folder, "missing.json")])).to.include("missing.json");
    expect(await failing(["--trace", noTrace])).to.include("line 1");
    expect(await failing(["--unknown-option"])).to.include("--unknown-option");
    expect(await failing(["--rpc", "http://127.0.0.1:1"])).to.include("no node answers");
    expect(await failing(["scenarios/federation.json", "--rpc", "http://127.0.0.1:1"])).to.include("--max-wait");
  });
});
