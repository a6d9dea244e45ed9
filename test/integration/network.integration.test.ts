import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

import { findRunner } from "../../network/local/besu.js";
import {
  type LocalNetwork,
  killNodes,
  loadNetwork,
  requireNetwork,
  runningNodes,
  saveNetwork,
  takeDown,
} from "../../network/local/network.js";
import { isRunning, startDaemon, stopDaemon } from "../../network/local/processes.js";
import { restartNode } from "../../network/local/restart.js";
import { networkStatus, statusLines } from "../../network/local/status.js";
import { type UpOptions, bringUp } from "../../network/local/up.js";
import { freePorts } from "../fixtures/ports.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FAKE = fileURLToPath(new URL("../fixtures/fake-besu", import.meta.url));
const LABELS = ["aurora", "borealis", "cumulus", "delta-grid"];

/** Runs a command of scripts/network.ts. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return new Promise<{ readonly code: number; readonly out: string; readonly errors: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      ["--import", "tsx", "scripts/network.ts", ...args],
      { cwd: ROOT, env: { ...process.env, ...env } },
      (_error, out, errors) => {
        resolve({ code: child.exitCode ?? 1, out, errors });
      },
    );
  });
}

/** How many processes have a word in their command line. */
async function processesWith(word: string): Promise<number> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(word) && line.includes("--data-path=")).length;
}

describe("network commands, with a fake besu (they say nothing about Besu)", function () {
  const told: string[] = [];
  const tell = (line: string): void => {
    told.push(line);
  };
  const folders: string[] = [];
  const before_ = { ...process.env };

  before(function () {
    // Processes are counted in /proc.
    if (process.platform !== "linux") this.skip();
    process.env.BESU_BIN = FAKE;
  });

  afterEach(async function () {
    for (const name of Object.keys(process.env))
      if (name.startsWith("FAKE_BESU_")) Reflect.deleteProperty(process.env, name);
    told.length = 0;
    for (const folder of folders.splice(0)) {
      await takeDown(folder, true);
      await rm(folder, { recursive: true, force: true });
      expect(await processesWith(folder), "processes left").to.equal(0);
    }
  });

  after(function () {
    Object.assign(process.env, before_);
    if (before_.BESU_BIN === undefined) Reflect.deleteProperty(process.env, "BESU_BIN");
  });

  /** A network that was up once and is down: what need not be a new one begins with it, a second earlier. */
  let template: string;

  before(async function () {
    template = await mkdtemp(join(tmpdir(), "template-"));
    await bringUp(template, await options(), tell);
    await takeDown(template, false);
  });

  after(async function () {
    await rm(template, { recursive: true });
  });

  const stoppedNetwork = async (): Promise<string> => {
    const folder = await newFolder();
    await cp(template, folder, { recursive: true });
    return folder;
  };
  const newFolder = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "network-"));
    folders.push(folder);
    return folder;
  };
  const options = async (changes: Partial<UpOptions> = {}): Promise<UpOptions> => ({
    count: 4,
    hasAllowLists: false,
    rpcPort: await freePorts(5),
    wsPort: await freePorts(5),
    p2pPort: await freePorts(5),
    timeoutMs: 60_000,
    ...changes,
  });
  const pidsOf = ({ nodes }: LocalNetwork): (number | undefined)[] => nodes.map(({ pid }) => pid);
  const codeOf = async (act: Promise<unknown>): Promise<string> => {
    const thrown: unknown = await act.then(
      () => "none",
      (reason: unknown) => reason,
    );
    return thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
  };

  describe("up", function () {
    it("starts four nodes with logs and keys of their own, and a second one finds them", async function () {
      const dir = await newFolder();
      const first = await bringUp(dir, await options(), tell);
      const second = await bringUp(dir, await options(), tell);

      expect(first.nodes.map(({ label }) => label)).to.deep.equal(LABELS);
      expect(pidsOf(second)).to.deep.equal(pidsOf(first));
      expect(told.at(-1)).to.include("is up already");
      expect(await processesWith(dir)).to.equal(4);
      for (const label of LABELS) {
        expect(await readFile(join(dir, "nodes", label, "besu.log"), "utf8")).to.include("this is not Besu");
        expect((await stat(join(dir, "nodes", label, "key"))).mode & 0o077).to.equal(0);
      }
      expect((await stat(join(dir, "keys.json"))).mode & 0o077).to.equal(0);
    });

    it("leaves no process when one of the nodes ends, and says what its log says", async function () {
      const dir = await newFolder();
      process.env.FAKE_BESU_DIES = "cumulus";
      const thrown: unknown = await bringUp(dir, await options(), tell).catch((reason: unknown) => reason);

      expect(thrown).to.include({ code: "NODE_DIED" });
      expect(String(thrown)).to.include("cumulus has ended").and.to.include("cumulus: this fake dies");
      expect(await processesWith(dir)).to.equal(0);
    });

    it("goes on with the same chain when the first start failed", async function () {
      const dir = await newFolder();
      process.env.FAKE_BESU_DIES = "cumulus";
      await codeOf(bringUp(dir, await options(), tell));
      const genesis = await readFile(join(dir, "genesis.json"), "utf8");
      Reflect.deleteProperty(process.env, "FAKE_BESU_DIES");
      await bringUp(dir, await options(), tell);

      expect(await readFile(join(dir, "genesis.json"), "utf8")).to.equal(genesis);
    });

    it("leaves no process when the nodes do not find each other in time", async function () {
      const dir = await stoppedNetwork();
      process.env.FAKE_BESU_ALONE = "yes";
      const thrown: unknown = await bringUp(dir, await options({ timeoutMs: 500 }), tell).catch(
        (reason: unknown) => reason,
      );

      expect(thrown).to.include({ code: "NOT_READY" });
      expect(String(thrown)).to.match(/not ready in time: aurora (has 0 of 3 peers|does not answer)/);
      expect(await processesWith(dir)).to.equal(0);
    });

    it("leaves no process when it is interrupted", async function () {
      const dir = await newFolder();
      const { rpcPort, wsPort, p2pPort } = await options();
      const ports = ["--rpc-port", rpcPort, "--ws-port", wsPort, "--p2p-port", p2pPort].map(String);
      const child = spawn(process.execPath, ["--import", "tsx", "scripts/network.ts", "up", "--dir", dir, ...ports], {
        cwd: ROOT,
        env: { ...process.env, FAKE_BESU_ALONE: "yes" },
        stdio: "ignore",
      });
      while ((await processesWith(dir)) < 4) await sleep(50);
      child.kill("SIGINT");
      const [code] = (await once(child, "exit")) as [number | null];

      expect(code).to.equal(1);
      expect(await processesWith(dir)).to.equal(0);
    });

    it("names a port that is taken, and starts nothing", async function () {
      const dir = await newFolder();
      const chosen = await options();
      const server = createServer().listen(chosen.wsPort + 2, "127.0.0.1");
      await once(server, "listening");
      const thrown: unknown = await bringUp(dir, chosen, tell).catch((reason: unknown) => reason);
      server.close();

      expect(thrown).to.include({ code: "PORT_TAKEN" });
      expect(String(thrown)).to.include(`port ${chosen.wsPort + 2}, for WebSocket of cumulus`);
      expect(await processesWith(dir)).to.equal(0);
    });

    it("starts the one that ended, and only that one", async function () {
      const dir = await stoppedNetwork();
      const first = await bringUp(dir, await options(), tell);
      await killNodes(dir, first, ["borealis"]);
      const second = await bringUp(dir, await options(), tell);

      const same = second.nodes.filter(({ pid }, i) => pid === first.nodes[i]?.pid).map(({ label }) => label);
      expect(same).to.deep.equal(["aurora", "cumulus", "delta-grid"]);
      expect(await processesWith(dir)).to.equal(4);
    });

    it("restarts all together when more than a third had ended", async function () {
      const dir = await stoppedNetwork();
      const first = await bringUp(dir, await options(), tell);
      await killNodes(dir, first, ["borealis", "cumulus"]);
      const second = await bringUp(dir, await options(), tell);

      expect(told.at(-1)).to.include("all are started together");
      expect(second.nodes.filter(({ pid }, i) => pid === first.nodes[i]?.pid)).to.deep.equal([]);
      expect(await processesWith(dir)).to.equal(4);
    });

    it("refuses a founding document whose nodes are elsewhere", async function () {
      const { foundersOf } = await import("../fixtures/network.js");
      const elsewhere = options({ founders: JSON.stringify(foundersOf(4)) });
      expect(await codeOf(bringUp(await newFolder(), await elsewhere, tell))).to.equal("BAD_FOUNDERS");
    });
  });

  describe("down", function () {
    it("stops every node; up goes on with them, and --purge takes all away", async function () {
      const dir = await stoppedNetwork();
      await bringUp(dir, await options(), tell);
      await takeDown(dir, false);
      expect(await processesWith(dir)).to.equal(0);

      const again = await bringUp(dir, await options(), tell);
      expect(runningNodes(dir, again)).to.deep.equal(new Set(LABELS));
      await takeDown(dir, true);
      expect(await readdir(dir).catch(() => [])).to.deep.equal([]);
    });

    it("removes nothing that is not its own", async function () {
      const dir = await stoppedNetwork();
      await bringUp(dir, await options(), tell);
      await writeFile(join(dir, "thesis.tex"), "\\end{document}");
      await takeDown(dir, true);
      expect(await readdir(dir)).to.deep.equal(["thesis.tex"]);
      await rm(join(dir, "thesis.tex"));
    });

    it("leaves a process alone that has got the id of a node that ended", async function () {
      const dir = await stoppedNetwork();
      const network = await bringUp(dir, await options(), tell);
      const ended = await killNodes(dir, network, ["aurora"]);
      const nodes = ended.nodes.map((node) => (node.label === "aurora" ? { ...node, pid: process.pid } : node));
      await saveNetwork(dir, { ...ended, nodes });

      expect(runningNodes(dir, await requireNetwork(dir)).has("aurora")).to.equal(false);
      await takeDown(dir, false);
      expect(await processesWith(dir)).to.equal(0);
    });
  });

  describe("restart", function () {
    it("restarts one node and leaves the others", async function () {
      const dir = await stoppedNetwork();
      const first = await bringUp(dir, await options(), tell);
      const second = await restartNode(dir, "cumulus", 60_000, tell, () => Promise.resolve(true));

      const other = second.nodes.filter(({ pid }, i) => pid !== first.nodes[i]?.pid).map(({ label }) => label);
      expect(other).to.deep.equal(["cumulus"]);
    });

    it("offers to restart all after an outage of more than a third", async function () {
      const dir = await stoppedNetwork();
      const first = await bringUp(dir, await options(), tell);
      await killNodes(dir, first, ["borealis", "cumulus"]);
      const asked: string[] = [];
      await restartNode(dir, "borealis", 60_000, tell, (question) => {
        asked.push(question);
        return Promise.resolve(false);
      });
      expect(asked.join()).to.include("2 of 4 nodes were away");
      expect(told.at(-1)).to.include("npm run network:restart -- --all");

      const aurora = (await requireNetwork(dir)).nodes[0]?.pid;
      const restarted = await restartNode(dir, "cumulus", 60_000, tell, () => Promise.resolve(true));
      expect(restarted.nodes[0]?.pid, "three of four were there").to.equal(aurora);
    });

    it("restarts all when the operator says so", async function () {
      const dir = await stoppedNetwork();
      const first = await bringUp(dir, await options(), tell);
      await killNodes(dir, first, ["borealis", "cumulus"]);
      const all = await restartNode(dir, "borealis", 60_000, tell, () => Promise.resolve(true));
      expect(all.nodes.filter(({ pid }, i) => pid === first.nodes[i]?.pid)).to.deep.equal([]);
      expect(runningNodes(dir, all)).to.deep.equal(new Set(LABELS));
    });

    it("names the nodes there are", async function () {
      const dir = await newFolder();
      await bringUp(dir, await options({ count: 1 }), tell);
      const thrown: unknown = await restartNode(dir, "zulu", 60_000, tell, () => Promise.resolve(true)).catch(
        (reason: unknown) => reason,
      );
      expect(String(thrown)).to.include("zulu is no node of this network (aurora)");
    });
  });

  describe("status", function () {
    it("says so when the nodes do not tell who the validators are", async function () {
      const dir = await newFolder();
      const { nodes } = await bringUp(dir, await options({ count: 1 }), tell);
      expect(statusLines(await networkStatus(nodes)).at(-1)).to.include("is the API QBFT there?");
    });

    it("ends with one line and exit code 1 where there is no network", async function () {
      const { code, errors } = await run(["status", "--dir", join(await newFolder(), "nowhere")]);
      expect(code).to.equal(1);
      expect(errors.trim().split("\n")).to.have.length(1);
      expect(errors).to.include("npm run network:up makes one");
    });
  });

  describe("stopDaemon", function () {
    it("kills what does not end when it is asked to", async function () {
      const dir = await newFolder();
      const { nodes } = await bringUp(dir, await options({ count: 1 }), tell);
      await takeDown(dir, false);
      const folder = join(dir, "nodes", "aurora");
      const args = [
        `--genesis-file=${join(folder, "genesis.json")}`,
        `--static-nodes-file=${join(folder, "static-nodes.json")}`,
        `--node-private-key-file=${join(folder, "key")}`,
        `--rpc-http-port=${nodes[0]?.rpcPort ?? 0}`,
        "--rpc-http-host=127.0.0.1",
        `--data-path=${dir}`,
      ];
      const log = join(dir, "stubborn.log");
      const env = { ...process.env, FAKE_BESU_STUBBORN: "aurora" };
      const daemon = await startDaemon(FAKE, args, { cwd: dir, log, env, marker: `--data-path=${dir}` });
      while (!(await readFile(log, "utf8")).includes("this is not Besu")) await sleep(20);
      await stopDaemon(daemon, 300);

      expect(await readFile(log, "utf8")).to.include("aurora: no");
      expect(isRunning(daemon)).to.equal(false);
      await rm(log);
    });
  });

  describe("findRunner", function () {
    const refusal = (env: NodeJS.ProcessEnv): string => {
      try {
        return findRunner(env).kind;
      } catch (thrown) {
        return String(thrown);
      }
    };
    const PATH = process.env.PATH;

    it("takes BESU_BIN, and says which version it is", function () {
      expect(findRunner({ BESU_BIN: FAKE, PATH })).to.deep.equal({ kind: "besu", program: FAKE, version: "26.8.0" });
    });

    it("refuses a Besu that is too old", function () {
      for (const version of ["25.11.0", "26.5.9", "26.6.0"]) {
        const env = { BESU_BIN: FAKE, PATH, FAKE_BESU_VERSION: `besu/v${version}/linux-x86_64/openjdk-java-25` };
        expect(refusal(env), version).to.include(`is Besu ${version}; needed: Besu 26.6.1`);
      }
      for (const version of ["26.6.1", "26.10.0", "27.0.0"]) {
        expect(refusal({ BESU_BIN: FAKE, PATH, FAKE_BESU_VERSION: `besu/v${version}` }), version).to.equal("besu");
      }
    });

    it("says what is needed where there is neither Besu nor Docker", function () {
      expect(refusal({ PATH: "/nowhere" }))
        .to.include("needed: Besu 26.6.1 or newer")
        .and.to.include("Docker");
      expect(refusal({ PATH, BESU_BIN: "/nowhere/besu" })).to.include("/nowhere/besu is not there");
    });
  });

  it("takes down what it cannot read the state of, processes included, when it is purged", async function () {
    const dir = await stoppedNetwork();
    await bringUp(dir, await options(), tell);
    await writeFile(join(dir, "network.json"), "{");
    expect(await codeOf(loadNetwork(dir))).to.equal("BAD_STATE");
    expect(await codeOf(takeDown(dir, false))).to.equal("BAD_STATE");
    await takeDown(dir, true);
    expect(await processesWith(dir)).to.equal(0);
  });
});
