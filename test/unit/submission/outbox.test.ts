import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect } from "chai";

import { BusError, type SubmissionDraft, Outbox, type RawReceipt, type Submission } from "../../../src/index.js";

const CHAIN = { chainId: "7", genesisHash: `0x${"11".repeat(32)}` };
const SENDER = "0x0000000000000000000000000000000000000001";

function draft(id: string): SubmissionDraft {
  return { id, sender: SENDER, to: SENDER, data: "0x", gasLimit: 1n, name: "act", isChecked: true };
}

function signed(nonce: number) {
  return { nonce, hash: `0x${String(nonce)}`, raw: "0x00" };
}

const RECEIPT: RawReceipt = {
  transactionHash: "0x0",
  blockNumber: "0x1",
  blockHash: "0x1",
  gasUsed: "0x1",
  status: "0x1",
  logs: [],
};

describe("Outbox", function () {
  let folder: string;
  let path: string;
  const opened: Outbox[] = [];

  beforeEach(function () {
    folder = mkdtempSync(join(tmpdir(), "outbox-"));
    path = join(folder, "deep", "outbox.sqlite");
  });

  afterEach(function () {
    for (const outbox of opened.splice(0)) outbox.close();
    rmSync(folder, { recursive: true });
  });

  function open(chain = CHAIN): Outbox {
    const outbox = new Outbox(path, chain);
    opened.push(outbox);
    return outbox;
  }

  function found(outbox: Outbox, id: string): Submission {
    const submission = outbox.find(id);
    if (!submission) throw new Error(`no ${id}`);
    return submission;
  }

  it("keeps what was written, for the chain it was written for", function () {
    open().write(
      [],
      [
        { draft: draft("a"), signed: signed(0) },
        { draft: draft("b"), signed: undefined },
      ],
      5,
    );
    const again = open();
    expect(again.find("a")).to.include({ state: "sent", nonce: 0, hash: "0x0", queuedAt: 5, sentAt: 5 });
    expect(again.find("b")).to.include({ state: "queued", nonce: undefined, sentAt: undefined });
    expect(open({ ...CHAIN, chainId: "8" }).find("a")).to.equal(undefined);
    expect(again.counts()).to.deep.equal({ queued: 1, sent: 1, final: 0, failed: 0 });
  });

  it("gives a nonce and an id to one only, and writes all or nothing", function () {
    const [one, two] = [open(), open()];
    expect(one.write([], [{ draft: draft("a"), signed: signed(0) }], 1)).to.equal(true);
    expect(
      two.write(
        [],
        [
          { draft: draft("b"), signed: signed(1) },
          { draft: draft("c"), signed: signed(0) },
        ],
        1,
      ),
    ).to.equal(false);
    expect(
      two.write(
        [],
        [
          { draft: draft("b"), signed: signed(1) },
          { draft: draft("a"), signed: signed(2) },
        ],
        1,
      ),
    ).to.equal(false);
    expect(two.find("b")).to.equal(undefined);
    expect(two.nonceAfter(SENDER)).to.equal(1);
  });

  it("gives a queued call to one only", function () {
    const [one, two] = [open(), open()];
    one.write([], [{ draft: draft("a"), signed: undefined }], 1);
    expect(one.write([{ id: "a", signed: signed(0) }], [], 2)).to.equal(true);
    expect(two.write([{ id: "a", signed: signed(1) }], [], 2)).to.equal(false);
    expect(found(two, "a")).to.include({ state: "sent", nonce: 0 });
  });

  it("settles once", function () {
    const [one, two] = [open(), open()];
    one.write([], [{ draft: draft("a"), signed: signed(0) }], 1);
    const [first, second] = [found(one, "a"), found(two, "a")];
    expect(one.settle([{ submission: first, receipt: RECEIPT, failure: undefined }], 2)).to.deep.equal([true]);
    expect(
      two.settle([{ submission: second, receipt: RECEIPT, failure: { code: "REVERTED", message: "no" } }], 3),
    ).to.deep.equal([false]);
    expect(two.displace(second, "0x9", 3)).to.equal(false);
    expect(two.refuse(second, { code: "NOT_ACCEPTED", message: "no" }, 3)).to.equal(false);
    expect(found(two, "a")).to.include({ state: "final", endedAt: 2 });
  });

  it("puts a displaced call back without its nonce, and only the owner does", function () {
    const [one, two] = [open(), open()];
    one.beat(1, 10);
    one.write([], [{ draft: draft("a"), signed: signed(0) }], 1);
    expect(two.displace(found(two, "a"), "0x9", 2)).to.equal(false);
    expect(one.displace(found(one, "a"), "0x9", 2)).to.equal(true);
    expect(found(one, "a")).to.include({ state: "queued", nonce: undefined, raw: undefined, displaced: 1 });
  });

  it("takes over what belongs to a process that is silent, or was closed", function () {
    const [one, two] = [open(), open()];
    one.beat(1_000, 500);
    one.write([], [{ draft: draft("a"), signed: signed(0) }], 1_000);
    two.beat(1_400, 500);
    expect(two.inFlight(SENDER, true, 9)).to.have.length(0);
    two.beat(1_600, 500);
    expect(two.inFlight(SENDER, true, 9)).to.have.length(1);
    one.beat(1_700, 500);
    expect(one.senders()).to.deep.equal([]);
    two.close();
    one.beat(1_800, 500);
    expect(one.senders()).to.deep.equal([SENDER]);
  });

  it("forgets what was settled long ago, but never the last nonce", function () {
    const outbox = open();
    outbox.write(
      [],
      [
        { draft: draft("a"), signed: signed(0) },
        { draft: draft("b"), signed: signed(1) },
      ],
      1,
    );
    for (const id of ["a", "b"])
      outbox.settle([{ submission: found(outbox, id), receipt: RECEIPT, failure: undefined }], 2);
    outbox.writeFailed(draft("c"), { code: "REVERTED", message: "no" }, 2);
    expect(outbox.forgetBefore(2)).to.equal(0);
    expect(outbox.forgetBefore(3)).to.equal(2);
    expect(outbox.nonceAfter(SENDER)).to.equal(2);
  });

  it("refuses a file of another version, and one that is none", function () {
    open().close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    expect(() => open())
      .to.throw(BusError, "has version 99, not 1")
      .with.property("code", "OUTBOX");
    path = join(folder, "text");
    writeFileSync(path, "this is no database, and long enough not to be an empty one".repeat(20));
    expect(() => open())
      .to.throw(BusError, "cannot be opened")
      .with.property("code", "OUTBOX");
  });

  it("finds what is open without looking at all that is over", function () {
    const asked: string[] = [];
    const prepare = Object.getOwnPropertyDescriptor(DatabaseSync.prototype, "prepare")
      ?.value as DatabaseSync["prepare"];
    DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
      asked.push(sql);
      return prepare.call(this, sql);
    };
    try {
      const outbox = open();
      asked.splice(0);
      outbox.beat(1, 1);
      outbox.inFlight(SENDER, true, 1);
      outbox.countInFlight(SENDER);
      outbox.queued(SENDER, 1);
      outbox.senders();
      outbox.nonceAfter(SENDER);
      outbox.newestFinal(SENDER);
      outbox.find("a");
    } finally {
      DatabaseSync.prototype.prepare = prepare;
    }
    const database = new DatabaseSync(path);
    const plans = asked
      .filter((sql) => /\bsubmission\b/.test(sql))
      .map((sql) => {
        const values = sql
          .split("?")
          .slice(1)
          .map(() => 0);
        const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
        return rows.map(({ detail }) => String(detail)).find((detail) => /\bsubmission\b/.test(detail)) ?? "";
      });
    database.close();
    expect(plans.map((plan) => /USING (?:COVERING )?INDEX (\S+)/.exec(plan)?.[1])).to.deep.equal([
      "unsettled_submission",
      "sent_submission",
      "sent_submission",
      "queued_submission",
      "unsettled_submission",
      "sqlite_autoindex_submission_2",
      "sqlite_autoindex_submission_2",
      "sqlite_autoindex_submission_1",
    ]);
  });
});
