import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { id } from "ethers";

import { BusError, type JournalEntry, createMemoryJournal, openFileJournal } from "../../../src/index.js";

function entry(about: string, ...subjects: string[]): JournalEntry {
  return {
    at: 1,
    chainId: "1337",
    genesisHash: id("genesis"),
    contract: "0x0000000000000000000000000000000000000001",
    cloud: 1,
    signer: "0x0000000000000000000000000000000000000002",
    name: "Move",
    id: id(about),
    digest: id("digest"),
    signature: "0x",
    usableUntil: "1000",
    subjects,
    document: { startBy: "7" },
  };
}

async function refusal(act: () => Promise<unknown>): Promise<BusError> {
  try {
    await act();
  } catch (thrown) {
    if (thrown instanceof BusError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

describe("journal", function () {
  let folder: string;
  let path: string;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "journal-"));
  });

  after(async function () {
    await rm(folder, { recursive: true });
  });

  beforeEach(async function () {
    path = join(await mkdtemp(join(folder, "one-")), "new", "journal.jsonl");
  });

  it("finds entries by what they are about, in memory as in a file", async function () {
    const file = await openFileJournal(path);
    for (const journal of [createMemoryJournal(), file]) {
      await journal.append(entry("one", "vm/1", "vm/2"));
      await journal.append(entry("two", "vm/2"));

      expect(journal.entriesAbout("vm/2").map((found) => found.id)).to.deep.equal([id("one"), id("two")]);
      expect(journal.entriesAbout("vm/1").map((found) => found.id)).to.deep.equal([id("one")]);
      expect(journal.entriesAbout("vm/3")).to.deep.equal([]);
    }
    await file.close();
  });

  it("keeps entries over a restart, one line each, and only appends", async function () {
    const first = await openFileJournal(path);
    await first.append(entry("one", "vm/1"));
    await first.close();
    const before = await readFile(path, "utf8");
    const second = await openFileJournal(path);
    await second.append(entry("two", "vm/1"));

    expect(second.entriesAbout("vm/1")).to.deep.equal([entry("one", "vm/1"), entry("two", "vm/1")]);
    const text = await readFile(path, "utf8");
    expect(text.startsWith(before)).to.equal(true);
    expect(text.split("\n")).to.have.length(3);
    await second.close();
  });

  it("drops a last line that was cut off", async function () {
    const first = await openFileJournal(path);
    await first.append(entry("one", "vm/1"));
    await first.close();
    const { size } = await stat(path);
    await appendFile(path, JSON.stringify(entry("two", "vm/1")).slice(0, 50));

    const second = await openFileJournal(path);
    expect(second.entries).to.have.length(1);
    expect((await stat(path)).size).to.equal(size);
    await second.close();
  });

  for (const [what, line] of [
    ["no JSON", "{"],
    ["no entry", "{}"],
    ["a number", "7"],
    ["an entry with wrong subjects", JSON.stringify({ ...entry("one"), subjects: [1] })],
  ] as const) {
    it(`refuses a file with ${what} in it, and lets go of it`, async function () {
      await (await openFileJournal(path)).close();
      await writeFile(path, `${JSON.stringify(entry("one"))}\n${line}\n`);

      for (let i = 0; i < 2; ++i) {
        const thrown = await refusal(() => openFileJournal(path));
        expect(thrown.code).to.equal("JOURNAL");
        expect(thrown.message).to.include(":2: not");
      }
    });
  }

  it("belongs to one process at a time", async function () {
    const first = await openFileJournal(path);
    const thrown = await refusal(() => openFileJournal(path));
    expect(thrown.code).to.equal("JOURNAL");
    await first.close();
    await (await openFileJournal(path)).close();
  });

  it("is taken over from a process that is gone", async function () {
    await (await openFileJournal(path)).close();
    await writeFile(`${path}.lock`, "999999999\n");
    await (await openFileJournal(path)).close();
  });

  it("takes no more entries after one that could not be written", async function () {
    const journal = await openFileJournal(path);
    await journal.close();
    for (let i = 0; i < 2; ++i) {
      expect((await refusal(() => journal.append(entry("one", "vm/1")))).code).to.equal("JOURNAL");
    }
    expect(journal.entriesAbout("vm/1")).to.deep.equal([]);
  });
});
