import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { id } from "ethers";

import {
  BusError,
  agreementId,
  buildAgreement,
  buildResources,
  publicAgreement,
  publicAgreementId,
  witnessesHash,
} from "../../../src/index.js";
import { agreementWithId, loadPapers, readAgreement, writeAgreement } from "../../../src/oracle/papers.js";
import { asText } from "../../fixtures/oracleDaemon.js";

const WITNESSES = { members: ["0x00000000000000000000000000000000000000A1"], required: 1 };
const AGREEMENT = buildAgreement({
  home: 1,
  source: 1,
  destination: 2,
  lines: [{ vm: id("vm"), nonce: 1, features: 2n ** 255n, resources: buildResources({ vcpuMilli: 1_000 }) }],
  agreeBy: 1_767_225_600_000n,
  witnesses: WITNESSES,
});
const ID = agreementId(AGREEMENT);
const PUBLIC = publicAgreement(AGREEMENT);

describe("loadPapers", function () {
  let folder: string;

  beforeEach(function () {
    folder = mkdtempSync(join(tmpdir(), "papers-"));
  });

  afterEach(function () {
    rmSync(folder, { recursive: true });
  });

  const load = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return loadPapers(folder);
  };

  const FORMS: readonly (readonly [string, string, string, boolean])[] = [
    ["an agreement", "a.json", asText(AGREEMENT), true],
    ["its public form", "a.json", asText(PUBLIC), false],
    [
      "one whose terms are closed and whose witnesses are open",
      "a.json",
      asText({ ...PUBLIC, witnesses: WITNESSES }),
      true,
    ],
    ["a document about it", "a.json", asText({ agreement: AGREEMENT, startBy: 1n, completeBy: 2n }), true],
    ["a list of documents", "a.json", asText([{ agreement: PUBLIC }]), false],
    ["a desk's journal", "a.jsonl", `${asText({ name: "Move", document: { agreement: AGREEMENT } })}\n`, true],
  ];
  for (const [what, name, content, hasWitnesses] of FORMS) {
    it(`finds ${what}`, async function () {
      const papers = await load(name, content);

      expect([...papers.agreements]).to.deep.equal([[ID, PUBLIC]]);
      expect([...papers.witnesses]).to.deep.equal(hasWitnesses ? [[witnessesHash(WITNESSES), WITNESSES]] : []);
    });
  }

  it("finds witnesses by themselves", async function () {
    const papers = await load("w.json", asText(WITNESSES));

    expect(papers.agreements.size).to.equal(0);
    expect([...papers.witnesses.keys()]).to.deep.equal([PUBLIC.witnesses]);
  });

  it("passes over everything else", async function () {
    const strange = { lines: [{}], windowMs: "soon", members: 7, required: {}, nested: [null, 1, "text"] };

    expect((await load("a.json", asText(strange))).agreements.size).to.equal(0);
    expect((await load("readme.txt", "{")).agreements.size).to.equal(0);
  });

  it("says which file is not JSON, and that the folder cannot be read", async function () {
    const refusal = async (work: Promise<unknown>): Promise<unknown> => work.catch((thrown: unknown) => thrown);

    const broken = await refusal(load("broken.json", "{"));
    const missing = await refusal(loadPapers(join(folder, "missing")));

    expect(broken)
      .to.be.instanceOf(BusError)
      .with.property("message")
      .match(/broken\.json: not JSON$/);
    expect(missing).to.be.instanceOf(BusError).with.property("code", "UNKNOWN_AGREEMENT");
  });
});

describe("agreementWithId", function () {
  it("takes the one with that id, and no other", function () {
    expect(agreementWithId(PUBLIC, ID)).to.deep.equal(PUBLIC);
    expect(agreementWithId({ ...PUBLIC, site: 9 }, ID)).to.equal(undefined);
    expect(agreementWithId({}, ID)).to.equal(undefined);
    expect(agreementWithId(undefined, ID)).to.equal(undefined);
  });
});

describe("writeAgreement", function () {
  it("is undone by readAgreement", function () {
    const again = readAgreement(writeAgreement(PUBLIC));

    expect(again).to.deep.equal(PUBLIC);
    expect(publicAgreementId(again)).to.equal(ID);
  });
});
