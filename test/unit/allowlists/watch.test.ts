import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { getAddress } from "ethers";

import { FIRST_STATE, MIRROR_DEFAULTS, type MirrorState } from "../../../src/allowlists/mirror.js";
import { type StateStore, WATCH_DEFAULTS, type WatchOptions, watchChain } from "../../../src/allowlists/watch.js";
import { BusError } from "../../../src/index.js";
import {
  FOUNDING_ACCOUNTS,
  type FoundedChain,
  NODES,
  bindAgent,
  closeChain,
  enode,
  foreignEnode,
  foundedChain,
} from "../../fixtures/allowlists.js";
import { founderKey } from "../../fixtures/network.js";
import { serve } from "../../fixtures/permissionedNode.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

describe("the daemon beside a node", function () {
  let world: FoundedChain;
  const told: string[] = [];

  beforeEach(async function () {
    told.length = 0;
    world = await foundedChain([foreignEnode("fixed")]);
  });

  afterEach(async function () {
    await closeChain(world);
  });

  const until = async (what: string, is: () => boolean): Promise<void> => {
    for (let waited = 0; !is(); waited++) {
      if (waited > 6_000) throw new Error(`not in time: ${what}`);
      await sleep(10);
    }
  };

  describe("watchChain", function () {
    /** Watches while something is done, and stops. */
    const watching = async (
      act: () => Promise<void>,
      changes: Partial<WatchOptions> = {},
      unwanted: MirrorState["unwanted"] = {},
    ): Promise<MirrorState> => {
      let stored: MirrorState = { ...FIRST_STATE, unwanted };
      const store: StateStore = {
        load: () => Promise.resolve(stored),
        save: (state) => {
          // As it comes out of a file.
          stored = JSON.parse(JSON.stringify(state)) as MirrorState;
          return Promise.resolve();
        },
      };
      const stop = new AbortController();
      const options = {
        ...MIRROR_DEFAULTS,
        ...WATCH_DEFAULTS,
        headAgeMs: Number.MAX_SAFE_INTEGER,
        pollMs: 5,
        ...changes,
      };
      const done = watchChain(
        world.node.rpc,
        world.book,
        () => Promise.resolve(NODES),
        store,
        options,
        (line) => told.push(line),
        stop.signal,
      );
      try {
        await act();
      } finally {
        stop.abort();
        await done;
      }
      return stored;
    };
    const accounts = (): string[] => world.node.accounts.map(getAddress).sort();

    it("mirrors at the start, and at every event that decides about the lists", async function () {
      await watching(async () => {
        await until("start", () => accounts().length === FOUNDING_ACCOUNTS.length);
        const agent = await bindAgent(world, 1, "agent");
        await until("event", () => accounts().includes(agent));
      });
      expect(world.node.nodes).to.have.members([1, 2, 3, 4].map(enode));
    });

    it("mirrors on its timer when there is no event", async function () {
      await watching(
        async () => {
          await until("start", () => accounts().length === FOUNDING_ACCOUNTS.length);
          world.node.accounts = world.node.accounts.slice(1);
          await until("timer", () => accounts().length === FOUNDING_ACCOUNTS.length);
        },
        { intervalMs: 20 },
      );
    });

    it("leaves the lists as they are while the node does not answer, says so once, and goes on", async function () {
      await watching(
        async () => {
          await until("start", () => accounts().length === FOUNDING_ACCOUNTS.length);
          const writes = world.node.writes.length;
          world.node.answers.set("eth_chainId", new BusError("UNREACHABLE", "no node answers"));
          world.node.accounts = world.node.accounts.slice(1);
          await until("trouble", () => told.some((line) => line.includes("stay as they are: no node answers")));
          await sleep(50);
          expect(world.node.writes).to.have.length(writes);
          world.node.answers.delete("eth_chainId");
          await until("again", () => accounts().length === FOUNDING_ACCOUNTS.length);
        },
        { intervalMs: 10 },
      );
      expect(told.filter((line) => line.includes("stay as they are"))).to.have.length(1);
      expect(told.filter((line) => line === "the chain is mirrored again")).to.have.length(1);
    });

    it("keeps since when an entry is not wanted, over a restart", async function () {
      const stranger = founderKey("stranger").address;
      world.node.accounts = [stranger];
      const kept = await watching(() => until("start", () => accounts().length > FOUNDING_ACCOUNTS.length));
      expect(Object.keys(kept.unwanted)).to.deep.equal([stranger]);
      expect(kept.events.block).to.equal(await world.federation.provider.getBlockNumber());

      const long = { [stranger]: Date.now() - MIRROR_DEFAULTS.graceMs };
      await watching(() => until("removal", () => !accounts().includes(stranger)), {}, long);
    });

    it("tells of a static node once in a grace period", async function () {
      const fixed = foreignEnode("fixed");
      world.node.nodes = [fixed];
      const long = { [fixed]: Date.now() - MIRROR_DEFAULTS.graceMs };
      await watching(
        async () => {
          await until("start", () => told.some((line) => line.includes("static-nodes.json")));
          await sleep(100);
        },
        { intervalMs: 5 },
        long,
      );
      expect(told.filter((line) => line.includes("static-nodes.json"))).to.have.length(1);
      expect(world.node.nodes).to.include(fixed);
    });
  });

  describe("npm run allowlists", function () {
    let folder: string;

    beforeEach(async function () {
      folder = await mkdtemp(join(tmpdir(), "allowlists-"));
      await writeFile(join(folder, "address-book.json"), JSON.stringify(world.book));
      await writeFile(join(folder, "nodes.json"), JSON.stringify(NODES));
    });

    afterEach(async function () {
      await rm(folder, { recursive: true });
    });

    const run = (...args: string[]) =>
      new Promise<{ readonly code: number; readonly out: string; readonly errors: string }>((resolve) => {
        const command = ["--import", "tsx", "src/cli/allowlists.ts", "--folder", folder, ...args];
        const child = execFile(process.execPath, command, { cwd: ROOT }, (_error, out, errors) => {
          resolve({ code: child.exitCode ?? 1, out, errors });
        });
      });

    it("compares once, and with --dry-run writes nothing", async function () {
      const { url, server } = await serve(world.node);
      try {
        const age = ["--head-age", "9999999999"];
        const dry = await run("--rpc", url, "--once", "--dry-run", ...age);
        expect(dry.code, dry.errors).to.equal(0);
        expect(dry.out)
          .to.include(`+ node ${enode(1)}`)
          .and.to.include("nothing written");
        expect(world.node.writes).to.deep.equal([]);

        world.node.accounts = [founderKey("stranger").address];
        const wet = await run("--rpc", url, "--once", ...age);
        expect(wet.code, wet.errors).to.equal(0);
        expect(world.node.nodes).to.have.length(4);
        const state = JSON.parse(await readFile(join(folder, "allow-lists.state.json"), "utf8")) as {
          readonly genesisHash: string;
          readonly unwanted: object;
        };
        expect(state.genesisHash).to.equal(world.book.genesisHash);
        expect(Object.keys(state.unwanted)).to.deep.equal([founderKey("stranger").address]);
        expect((await run("--rpc", url, "--once", ...age)).code, "goes on from its file").to.equal(0);
      } finally {
        server.close();
      }
    });

    it("ends with one line and exit code 1 when it cannot compare", async function () {
      const { url, server } = await serve(world.node);
      try {
        const failures = [
          [await run("--rpc", url, "--once"), "s old: the lists stay as they are"],
          [await run("--rpc", "http://127.0.0.1:1", "--once"), "no node answers at http://127.0.0.1:1"],
          [await run("--grace", "soon"), "--grace: soon is no whole number"],
          [await run("--nodes", "/nowhere"), "/nowhere cannot be read"],
        ] as const;
        for (const [{ code, errors }, message] of failures) {
          expect(code, message).to.equal(1);
          expect(errors.trim().split("\n"), message).to.have.length(1);
          expect(errors).to.include(message);
        }
      } finally {
        server.close();
      }
    });
  });
});
