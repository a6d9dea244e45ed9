import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { network } from "hardhat";

import { type RpcProvider, connectFederation } from "../../../src/chain/federation.js";
import { BusError } from "../../../src/errors/busError.js";
import { checkSample } from "../../../src/event-index/check.js";
import { EventIndex, type IndexOptions } from "../../../src/event-index/eventIndex.js";
import {
  findAgreement,
  findVm,
  listAgreements,
  listEvents,
  listStays,
  listVms,
} from "../../../src/event-index/queries.js";
import { sendingBy } from "../../../scripts/sendingBy.js";
import { type BusyFederation, busyFederation } from "../../fixtures/busy.js";
import { newVm, offeringFederation } from "../../fixtures/library.js";

const connection = await network.create();
const { networkHelpers } = connection;

const PAGE = { limit: 100 };
const TABLES = ["events", "vms", "stays", "agreements", "lines"] as const;

/** A provider whose answers to one method are changed on their way. */
function tampered(provider: RpcProvider, method: string, change: (answer: unknown) => unknown): RpcProvider {
  return sendingBy(provider, async (asked, params) => {
    const answer = await provider.send(asked, params);
    return asked === method ? change(answer) : answer;
  });
}

/** All rows of all tables, to be compared. */
function contents({ database }: EventIndex) {
  return Object.fromEntries(TABLES.map((table) => [table, database.prepare(`SELECT * FROM ${table}`).all()]));
}

/** Opens an index, runs `use` and closes it. */
async function withIndex(
  found: Pick<BusyFederation, "federation">,
  use: (index: EventIndex) => Promise<void>,
  options: IndexOptions = {},
): Promise<void> {
  const index = await EventIndex.open(found.federation, options);
  try {
    await use(index);
  } finally {
    await index.close();
  }
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof BusError) return thrown.code;
    throw thrown;
  }
  return "nothing was thrown";
};

describe("EventIndex", function () {
  describe("sync", function () {
    it("tells what the contracts tell, of every VM, stay and agreement", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      const { federation, vms } = found;
      await withIndex(found, async (index) => {
        await index.sync();

        await checkSample(federation, index.database, index.state, 60);
        const states = Object.entries(vms).map(([name, vm]) => [name, findVm(index, vm)?.state]);
        expect(Object.fromEntries(states)).to.deep.equal({
          atHome: "Home",
          lost: "Abroad",
          noticed: "Abroad",
          stopped: "Stopped",
          restored: "Home",
          ended: "Terminated",
          agreed: "Agreed",
          started: "Started",
          aborted: "Home",
          expired: "Home",
        });
        expect(index.state).to.deep.include({ phase: "following", cause: undefined, repairs: 0 });
      });
    });

    it("goes on where it stopped, from a file", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      const folder = await mkdtemp(join(tmpdir(), "index-"));
      const options = { file: join(folder, "index.sqlite") };
      try {
        await withIndex(found, (index) => index.sync(), options);
        const vm = await newVm(found, found.members[3]);
        await withIndex(
          found,
          async (index) => {
            expect(findVm(index, vm)).to.equal(undefined);
            await index.sync();
            expect(findVm(index, vm)?.home).to.equal(4);
            expect(index.state).to.deep.include({ phase: "following", cause: undefined, repairs: 0 });
          },
          options,
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it("reads ranges of any size, and smaller ones where the node refuses", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      let refused = 0;
      const { provider } = found.federation;
      const narrowly: RpcProvider["send"] = (method, params) => {
        const [filter] = params as [{ readonly fromBlock: string; readonly toBlock: string }];
        if (method === "eth_getLogs" && Number(filter.toBlock) - Number(filter.fromBlock) >= 7) {
          refused += 1;
          return Promise.reject(new Error("query returned more than 10000 results"));
        }
        return provider.send(method, params);
      };
      const limited = connectFederation(sendingBy(provider, narrowly), found.addressBook);
      await withIndex({ federation: limited }, async (narrow) => {
        await narrow.sync();
        expect(refused).to.be.greaterThan(0);
        await withIndex(
          found,
          async (wide) => {
            await wide.sync();
            expect(contents(narrow)).to.deep.equal(contents(wide));
          },
          { chunk: 11 },
        );
      });
    });

    it("INDEX_RESET: notices that the chain is another one from some block on, and reads that again", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      await withIndex(found, async (index) => {
        await index.sync();
        const before = contents(index);
        const snapshot = await networkHelpers.takeSnapshot();
        const lost = await newVm(found, found.members[0]);
        await index.sync();
        expect(findVm(index, lost)?.home).to.equal(1);
        await snapshot.restore();
        const [kept] = await Promise.all([newVm(found, found.members[1])]);
        await newVm(found, found.members[1]);

        await index.sync();

        expect(findVm(index, lost)).to.equal(undefined);
        expect(findVm(index, kept)?.home).to.equal(2);
        expect(index.state).to.deep.include({ phase: "following", repairs: 1 });
        expect(index.state.cause?.code).to.equal("INDEX_RESET");
        expect(contents(index).agreements).to.deep.equal(before.agreements);
      });
    });

    it("STALE_HEAD: waits for a node that is behind, and after a while takes its chain to be another one", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      const { provider } = found.federation;
      let lag = 0;
      const late: RpcProvider["send"] = async (method, params) => {
        if (method !== "eth_getBlockByNumber") return provider.send(method, params);
        const newest = (await provider.getBlockNumber()) - lag;
        const wanted = params[0] === "latest" ? newest : Number(params[0]);
        return wanted > newest ? null : provider.send(method, [`0x${wanted.toString(16)}`, params[1]]);
      };
      const federation = connectFederation(sendingBy(provider, late), found.addressBook);
      await withIndex({ federation }, async (index) => {
        await index.sync();
        await newVm(found, found.members[0]);
        await newVm(found, found.members[0]);
        await index.sync();
        const before = contents(index);
        lag = 1;
        expect(await codeOf(index.sync())).to.equal("STALE_HEAD");
        expect(index.state).to.deep.include({ phase: "stalled", repairs: 0 });
        expect(contents(index)).to.deep.equal(before);
        lag = 0;
        await index.sync();
        expect(index.state).to.deep.include({ phase: "following", repairs: 0 });
        expect(contents(index)).to.deep.equal(before);
      });
      await withIndex(
        { federation },
        async (index) => {
          await index.sync();
          lag = 1;
          await new Promise((resolve) => setTimeout(resolve, 2));
          await index.sync().catch(() => undefined);
          await new Promise((resolve) => setTimeout(resolve, 2));
          await index.sync();
          expect(index.state).to.deep.include({ phase: "following", repairs: 1 });
          expect(index.state.cause?.code).to.equal("INDEX_RESET");
        },
        { patienceMs: 1 },
      );
    });

    it("INDEX_RESET: empties a file that was made from other contracts", async function () {
      const folder = await mkdtemp(join(tmpdir(), "index-"));
      const options = { file: join(folder, "index.sqlite") };
      try {
        await withIndex(await networkHelpers.loadFixture(busyFederation), (index) => index.sync(), options);
        const other = await networkHelpers.loadFixture(offeringFederation);
        const { contracts } = other.addressBook;
        const moved = { ...other.addressBook, contracts: { ...contracts, AccessManager: contracts.CloudRegistry } };
        const federation = connectFederation(other.federation.provider, moved);
        await withIndex(
          { federation },
          async (index) => {
            expect(index.state.cause?.code).to.equal("INDEX_RESET");
            expect(listVms(index, {}, PAGE).items).to.deep.equal([]);
            await index.sync();
            expect(index.state.phase).to.equal("following");
          },
          options,
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it("refuses a node that serves another chain", async function () {
      const { federation } = await networkHelpers.loadFixture(busyFederation);
      const other = { ...federation.addressBook, genesisHash: `0x${"12".repeat(32)}` };
      const opened = EventIndex.open(connectFederation(federation.provider, other));
      expect(await codeOf(opened)).to.equal("WRONG_GENESIS");
    });

    it("DATABASE: refuses a file that is none of its databases", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      const folder = await mkdtemp(join(tmpdir(), "index-"));
      try {
        const file = join(folder, "index.sqlite");
        await writeFile(file, "not a database, but long enough to be looked at ".repeat(100));
        expect(await codeOf(EventIndex.open(found.federation, { file }))).to.equal("DATABASE");
        const nowhere = { file: join(folder, "none", "index.sqlite") };
        expect(await codeOf(EventIndex.open(found.federation, nowhere))).to.equal("DATABASE");
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it("INDEX_GAP: a missing event is noticed, and mended by reading the chain again", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      let isLossy = true;
      const provider = tampered(found.federation.provider, "eth_getLogs", (answer) => {
        if (!isLossy || !Array.isArray(answer) || answer.length < 20) return answer;
        isLossy = false;
        return (answer as readonly unknown[]).filter((_, index) => index !== answer.length - 12);
      });
      await withIndex(
        { federation: connectFederation(provider, found.addressBook) },
        async (index) => {
          await index.sync();

          expect(isLossy).to.equal(false);
          expect(index.state).to.deep.include({ phase: "following", repairs: 1 });
          expect(["INDEX_GAP", "INDEX_MISMATCH"]).to.include(index.state.cause?.code);
          await checkSample(found.federation, index.database, index.state, 60);
        },
        { sample: 60 },
      );
    });

    it("INDEX_GAP: stalls while the node's answers do not fit together, and goes on when they do", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      const ledger = found.federation.ledger.interface;
      const registered = ledger.getEvent("VmRegistered").topicHash;
      let isLossy = true;
      const provider = tampered(found.federation.provider, "eth_getLogs", (answer) => {
        const logs = answer as readonly { readonly topics: readonly string[] }[];
        return isLossy ? logs.filter(({ topics }) => topics[0] !== registered) : logs;
      });
      await withIndex({ federation: connectFederation(provider, found.addressBook) }, async (index) => {
        expect(await codeOf(index.sync())).to.equal("INDEX_GAP");
        expect(index.state.phase).to.equal("stalled");
        expect(index.state.cause?.code).to.equal("INDEX_GAP");

        isLossy = false;
        await index.sync();
        expect(index.state.phase).to.equal("following");
      });
    });

    it("asks for the receipts of a block whose header tells of events that did not come", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      let isSilent = false;
      const provider = tampered(found.federation.provider, "eth_getLogs", (answer) => (isSilent ? [] : answer));
      await withIndex({ federation: connectFederation(provider, found.addressBook) }, async (index) => {
        await index.sync();
        isSilent = true;
        const vm = await newVm(found, found.members[0]);

        await index.sync();

        expect(findVm(index, vm)?.home).to.equal(1);
        expect(index.state).to.deep.include({ phase: "following", repairs: 0 });
      });
    });

    it("INDEX_MISMATCH: what differs from the contracts is noticed by sampling, and mended", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      const options = { sample: 50, checkEvery: 1 };
      await withIndex(
        found,
        async (index) => {
          await index.sync();
          index.database.prepare("UPDATE vms SET site = site + 1").run();
          await networkHelpers.mine();

          await index.sync();

          expect(index.state.cause?.code).to.equal("INDEX_MISMATCH");
          expect(index.state).to.deep.include({ phase: "following", repairs: 1 });
          await checkSample(found.federation, index.database, index.state, 50);
        },
        options,
      );
    });
  });

  describe("checkSample", function () {
    for (const [what, change] of [
      ["a VM", "UPDATE vms SET host = host + 1"],
      ["a stay", "UPDATE stays SET started_at = started_at + 1"],
      ["an agreement", "UPDATE agreements SET agreement = document"],
      ["a VM of which every event is missing", "DELETE FROM vms WHERE state = 2"],
    ] as const) {
      it(`INDEX_MISMATCH: finds ${what} that differs`, async function () {
        const found = await networkHelpers.loadFixture(busyFederation);
        await withIndex(found, async (index) => {
          await index.sync();
          index.database.exec(change);
          const checked = checkSample(found.federation, index.database, index.state, 50);
          expect(await codeOf(checked)).to.equal("INDEX_MISMATCH");
        });
      });
    }
  });

  describe("rebuild", function () {
    it("gives the same from any block", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      await withIndex(found, async (index) => {
        await index.sync();
        const whole = contents(index);
        const last = index.state.block;
        for (const from of [undefined, 0, 1, Math.floor(last / 2), last - 1, last]) {
          await index.rebuild(from);
          expect(contents(index)).to.deep.equal(whole);
          expect(index.state.block).to.equal(last);
        }
      });
    });
  });

  describe("apply", function () {
    it("INDEX_GAP: refuses logs of blocks that it has passed", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      await withIndex(found, async (index) => {
        await index.sync();
        const { block, hash, timeMs } = index.state;
        const late = () => {
          index.apply([], { number: block, hash, timeMs });
        };
        expect(late).to.throw(BusError).with.property("code", "INDEX_GAP");
        expect(await codeOf(index.sync())).to.equal("nothing was thrown");
      });
    });
  });

  describe("follow", function () {
    it("tells of each block with what happened in it", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      await withIndex(found, async (index) => {
        const seen = new Promise<string>((resolve) => {
          index.onChange(() => {
            const vm = listVms(index, { home: 4 }, PAGE).items[0]?.vm;
            if (vm !== undefined) resolve(vm);
          });
        });
        index.follow(5);
        const vm = await newVm(found, found.members[3]);
        expect(await seen).to.equal(vm);
      });
    });
  });

  describe("lists", function () {
    it("VMs by host, home and state; stays by cloud and time; agreements by state, kind and party", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      const { vms } = found;
      await withIndex(found, async (index) => {
        await index.sync();
        expect(listVms(index, { host: 2 }, PAGE).items.map(({ vm }) => vm)).to.have.members([
          vms.lost,
          vms.noticed,
          vms.ended,
        ]);
        expect(listVms(index, { home: 3 }, PAGE).items.map(({ vm }) => vm)).to.deep.equal([vms.aborted]);
        expect(listVms(index, { state: "Stopped" }, PAGE).items.map(({ vm }) => vm)).to.deep.equal([vms.stopped]);
        expect(findVm(index, vms.lost)?.lostAt).to.be.greaterThan(0n);

        const restored = listStays(index, { vm: vms.restored }, PAGE).items;
        expect(restored.map(({ host, kind }) => [host, kind])).to.deep.equal([
          [1, "None"],
          [3, "Record"],
          [1, "None"],
        ]);
        const [, abroad] = restored;
        expect(abroad?.endedAt).to.be.greaterThan(0n);
        const during = { host: 3, from: abroad?.startedAt, to: abroad?.endedAt };
        expect(listStays(index, during, PAGE).items.map(({ vm }) => vm)).to.include(vms.restored);
        const after = listStays(index, { host: 3, from: abroad?.endedAt }, PAGE).items;
        expect(after.map(({ vm }) => vm)).to.not.include(vms.restored);
        const before = listStays(index, { host: 3, to: abroad?.startedAt }, PAGE).items;
        expect(before.map(({ vm }) => vm)).to.not.include(vms.restored);
        expect(listStays(index, { vm: vms.noticed }, PAGE).items.at(-1)?.noticeUntil).to.be.greaterThan(0n);

        const started = listAgreements(index, { state: "Started" }, PAGE).items;
        expect(started.map((agreement) => agreement.vms)).to.deep.equal([[vms.started]]);
        expect(started[0]?.completeBy).to.equal(found.started.completeBy);
        expect(listAgreements(index, { kind: "Record" }, PAGE).items).to.have.length(4);
        expect(listAgreements(index, { state: "Aborted", cloud: 3 }, PAGE).items).to.have.length(1);
        expect(listAgreements(index, { state: "Aborted", cloud: 4 }, PAGE).items).to.have.length(0);
        const byId = findAgreement(index, started[0]?.agreement ?? "");
        expect(byId).to.deep.equal(findAgreement(index, started[0]?.number ?? 0));
        expect(findAgreement(index, 0xffff_ffff)).to.equal(undefined);
        expect(listEvents(index, { name: "MoveStarted" }, PAGE).items).to.have.length(1);
        expect(listEvents(index, { name: "NoSuchEvent" }, PAGE).items).to.have.length(0);
        const all = listEvents(index, {}, { limit: 500 }).items;
        for (const contract of ["CloudRegistry", "CapacityExchange", "MigrationLedger"]) {
          const wanted = all.filter((event) => event.contract === contract);
          expect(wanted).to.have.length.greaterThan(0);
          expect(listEvents(index, { contract }, { limit: 500 }).items).to.deep.equal(wanted);
        }
      });
    });

    it("pages are the list, cut; BAD_REQUEST for what is no cursor", async function () {
      const found = await networkHelpers.loadFixture(busyFederation);
      await withIndex(found, async (index) => {
        await index.sync();
        const lists = {
          vms: (paging: { limit: number; cursor?: string }) => listVms(index, {}, paging),
          stays: (paging: { limit: number; cursor?: string }) => listStays(index, {}, paging),
          agreements: (paging: { limit: number; cursor?: string }) => listAgreements(index, {}, paging),
          events: (paging: { limit: number; cursor?: string }) => listEvents(index, {}, paging),
        };
        for (const [name, list] of Object.entries(lists)) {
          const whole = list({ limit: 1_000 });
          expect(whole.next, name).to.equal(undefined);
          const paged: unknown[] = [];
          let cursor: string | undefined;
          do {
            const page = list(cursor === undefined ? { limit: 3 } : { limit: 3, cursor });
            paged.push(...page.items);
            cursor = page.next;
          } while (cursor !== undefined);
          expect(paged, name).to.deep.equal(whole.items);
          for (const bad of ["", "x", "bnVsbA", "W10", "WzFd", "WyJhIiwiYiJd", "WzEuNSwiYSJd"]) {
            if (bad === "WzFd" && name === "events") continue;
            expect(await codeOf(Promise.resolve().then(() => list({ limit: 3, cursor: bad }))), bad).to.equal(
              "BAD_REQUEST",
            );
          }
        }
        const events = listEvents(index, {}, PAGE).items;
        const third = events[2];
        expect(listEvents(index, { after: third?.id ?? "" }, PAGE).items).to.deep.equal(
          listEvents(index, {}, { limit: 103 }).items.slice(3),
        );
        expect(await codeOf(Promise.resolve().then(() => listEvents(index, { after: "1" }, PAGE)))).to.equal(
          "BAD_REQUEST",
        );
      });
    });
  });
});
