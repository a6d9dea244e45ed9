import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect } from "chai";

import { BusError, buildMetrics } from "../../../src/index.js";
import { type WindowRow, newWindow } from "../../../src/oracle/state/rows.js";
import { type Store, openStore } from "../../../src/oracle/state/store.js";

const IDENTITY = { chainId: "1337", genesisHash: "0x01", oracle: "0x02", part: "party", who: "2" };
const KEY = { vm: "0xab", sequence: 2, number: 0 };

const WINDOW: WindowRow = { ...newWindow(KEY, 0, 1_000), isStale: false };

describe("openStore", function () {
  let folder: string;
  let path: string;
  const open: Store[] = [];

  beforeEach(function () {
    folder = mkdtempSync(join(tmpdir(), "store-"));
    path = join(folder, "state.sqlite");
  });

  afterEach(function () {
    for (const store of open.splice(0)) store.close();
    rmSync(folder, { recursive: true });
  });

  const opened = (identity = IDENTITY, at = path): Store => {
    const store = openStore(at, identity);
    open.push(store);
    return store;
  };
  const refusal = (identity = IDENTITY): string => {
    try {
      opened(identity);
    } catch (thrown) {
      if (thrown instanceof BusError && thrown.code === "STORE") return thrown.message;
      throw thrown;
    }
    return "nothing";
  };

  it("keeps everything from one process to the next", function () {
    const metrics = buildMetrics({ lossPpm: 5 });
    const first = opened();
    first.setCursor(7);
    first.addWindow({ ...WINDOW, metrics, isRefused: true, problem: "none" });
    first.setSamples(KEY, 1_000, [{ lane: "lossPpm", timeMs: 5, value: 2n ** 40n }]);
    first.close();

    const second = opened();

    expect(second.cursor()).to.equal(7);
    expect(second.window(KEY)).to.deep.equal({ ...WINDOW, metrics, isRefused: true, problem: "none" });
    expect(second.samples(KEY)).to.deep.equal([{ lane: "lossPpm", timeMs: 5, value: 2n ** 40n }]);
  });

  it("refuses a database that another process has", function () {
    opened();

    expect(refusal()).to.match(/another process has it open$/);
  });

  for (const name of Object.keys(IDENTITY)) {
    it(`refuses a database of another ${name}`, function () {
      opened().close();

      expect(refusal({ ...IDENTITY, [name]: "another" })).to.match(new RegExp(`: ${name} is .*, not another$`));
    });
  }

  it("refuses a newer version, and what is no database", function () {
    opened().close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 9");
    db.close();
    expect(refusal()).to.match(/version 9, and this program knows none above 1$/);

    writeFileSync(path, "not a database, but long enough to be looked at".repeat(50));
    expect(refusal()).to.match(/not a database/);
  });

  it("does all of a step or nothing of it, also one within another", function () {
    const store = opened();
    store.setCursor(1);

    const work = () =>
      store.atomically(() => {
        store.setCursor(2);
        store.atomically(() => {
          store.setCursor(3);
        });
        throw new Error("in the middle");
      });

    expect(work).to.throw("in the middle");
    expect(store.cursor()).to.equal(1);
  });

  it("gives the windows about which something may be done, those that ended first in front", function () {
    const store = opened();
    const add = (number: number, fields: Partial<WindowRow>) => {
      store.addWindow({ ...WINDOW, number, ...fields });
    };
    add(0, { toMs: 5 });
    add(1, { toMs: 3 });
    add(2, { toMs: 1, wakeAtMs: 101 });
    add(3, { toMs: 1, wakeAtMs: 101, isStale: true });
    add(4, { toMs: 1, retryAtMs: 201 });
    add(5, { toMs: 1, outcome: "agreed" });

    const numbers = (limit: number) => store.dueWindows(100, 200, limit).map(({ number }) => number);
    expect(numbers(10)).to.deep.equal([3, 1, 0]);
    expect(numbers(2)).to.deep.equal([3, 1]);
    expect(store.oldestUnreportedMs()).to.equal(1);
    expect(Object.fromEntries(store.countWindows())).to.deep.equal({ agreed: 1, none: 5 });
  });

  it("forgets old samples, but not those under an observation", function () {
    const store = opened();
    const observation = { vm: KEY.vm, sequence: 2, window: 1, metrics: buildMetrics({}), samplesRoot: "0x" };
    for (const number of [0, 1, 2]) {
      store.addWindow({ ...WINDOW, number, ...(number === 1 && { observation }) });
      store.setSamples({ ...KEY, number }, number === 2 ? 200 : 100, [{ lane: "lossPpm", timeMs: 5, value: 1n }]);
    }

    expect(store.pruneSamples(200)).to.equal(1);
    expect([0, 1, 2].map((number) => store.samples({ ...KEY, number }).length)).to.deep.equal([0, 1, 1]);
  });

  it("keeps a desk's journal by subject, in the order of the signatures", async function () {
    const { journal } = opened();
    const entry = { subjects: ["a", "b"], id: "0x01" } as never;
    const next = { subjects: ["b"], id: "0x02" } as never;

    await journal.append(entry);
    await journal.append(next);

    expect(journal.entriesAbout("a")).to.deep.equal([entry]);
    expect(journal.entriesAbout("b")).to.deep.equal([entry, next]);
    expect(journal.entriesAbout("c")).to.deep.equal([]);
  });

  it("copies itself", function () {
    const store = opened();
    store.setCursor(4);
    store.copyTo(join(folder, "copy.sqlite"));

    expect(opened(IDENTITY, join(folder, "copy.sqlite")).cursor()).to.equal(4);
  });
});
