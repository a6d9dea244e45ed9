import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import { Wallet, id } from "ethers";
import { network } from "hardhat";

import { signedFileSchema } from "../../../src/cli/signedFile.js";
import { AbortReason, AgentScope, KeyRole, VmState, asSender, hostAt, setAgent, vmOf } from "../../../src/index.js";
import { type Operator, PASSWORD, operatorOf, quickKeystore } from "../../fixtures/commandLine.js";
import { type TestFederation, acceptanceOf, chainTime, newVm, offeringFederation } from "../../fixtures/library.js";

const { networkHelpers } = await network.create();

describe("blockchainbus: moves", function () {
  let root: string;

  beforeEach(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  afterEach(async function () {
    await rm(root, { recursive: true });
  });

  /** Clouds 1 and 2, who share nothing but files, and a VM of cloud 1. */
  async function twoOperators() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const [home, host] = await Promise.all([operatorOf(root, found, 1), operatorOf(root, found, 2)]);
    return { found, home, host, vm: await newVm(found, found.members[0]) };
  }

  async function done(operator: Operator, ...argv: string[]) {
    const run = await operator.run(...argv, "--yes");
    expect(run.exitCode, run.stderr).to.equal(0);
    return run;
  }

  /** To the other cloud and there, by two people who send files. */
  async function moved(from: Operator, to: Operator, vm: string, destination: string) {
    const [move, handover] = [from.path("move.json"), to.path("handover.json")];
    await done(from, "agree", vm, "--to", destination, "--site", "1", "--sign-only", "--out", move);
    await done(to, "agree", "--with-signature", move, "--json");
    await done(from, "start", vm);
    await done(to, "complete", vm, "--sign-only", "--out", handover);
    return done(from, "complete", "--with-signature", handover);
  }

  const hostOf = async (found: TestFederation, vm: string) =>
    hostAt(found.federation, vm, await chainTime(found.federation));

  describe("two operators who send each other files", function () {
    it("agree, start, hand over and complete, and home again", async function () {
      const { found, home, host, vm } = await twoOperators();

      const out = await moved(home, host, vm, "cloud-2");
      expect(await hostOf(found, vm)).to.equal(2);
      expect(out.stdout).to.match(/^Handover 0x[0-9a-f]{64}\nDone in block \d+, transaction 0x[0-9a-f]{64}\.\n$/);

      // Back: destination is home, which signs the move alone; the host hands over.
      await done(home, "agree", vm, "--to", "1", "--site", "1");
      await done(host, "start", vm);
      const handover = home.path("back.json");
      await done(home, "complete", vm, "--digest", id("disks"), "--sign-only", "--out", handover);
      await done(host, "complete", "--with-signature", handover, "--json");
      expect(await hostOf(found, vm)).to.equal(1);
      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Home);
    });

    it("show each field before it is signed, and ask", async function () {
      const { home, vm } = await twoOperators();
      const argv = ["agree", vm, "--to", "cloud-2", "--site", "1", "--agree-by", "+10min", "--sign-only"];

      const no = await home.at({ isTty: true, answers: ["correct horse battery staple", "n"], env: {} }, ...argv);
      const yes = await home.at({ isTty: true, answers: ["correct horse battery staple", "y"], env: {} }, ...argv);

      expect(no.questions[0]).to.equal(`Password of ${home.path("key.json")}: `);
      expect(no.questions[1]).to.include("Sign it for cloud cloud-1?");
      expect(no.exitCode).to.equal(8);
      expect(no.stdout).to.equal("");
      expect(no.stderr).to.match(
        /^Move\n {2}agreement\n {4}home +cloud-1 \(1\)\n {4}source +cloud-1 \(1\)\n {4}destination +cloud-2 \(2\)/,
      );
      expect(no.stderr).to.match(/\n {4}lines\[0\]\n {6}vm +0x[0-9a-f]{64}\n/);
      expect(no.stderr).to.match(/\n {8}vcpuMilli +2 vCPU \(2000\)\n {8}memoryMiB +4 GiB memory \(4096\)\n/);
      expect(no.stderr).to.match(/agreeBy +20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \(\d{13}\)\n/);
      expect(no.stderr).to.match(/noticeMs +7 d \(604800000\)/);
      expect(no.stderr).to.match(/availabilityPpm +99\.9 % \(999000\)/);
      expect(yes.exitCode, yes.stderr).to.equal(0);
      expect(JSON.parse(yes.stdout)).to.have.nested.property("signatures.1");
    });

    it("never sign without being asked, where nobody can be", async function () {
      const { home, vm } = await twoOperators();

      const { exitCode, stderr } = await home.run("agree", vm, "--to", "cloud-2", "--site", "1", "--sign-only");

      expect(exitCode).to.equal(8);
      expect(stderr.trim().split("\n").at(-1)).to.equal("blockchainbus: nobody can be asked here: give --yes");
    });

    it("write a file that its schema describes, for the owner's eyes only", async function () {
      const { home, vm } = await twoOperators();
      const path = home.path("move.json");
      const terms = await home.write("terms.json", {
        price: { currency: "CHF", rates: { vcpuMilli: "20000000" } },
        sla: { pauseBudgetMs: 5_000 },
        windowMs: "60000",
        digestKind: 1,
      });

      const run = await done(
        home,
        "agree",
        vm,
        "--to",
        "2",
        "--site",
        "1",
        "--terms",
        terms,
        "--sign-only",
        "--out",
        path,
        "--json",
      );

      expect(run.facts()).to.deep.include({ name: "Move", file: path, signed: [1], missing: [2] });
      expect((await stat(path)).mode & 0o777).to.equal(0o600);
      const file = JSON.parse(await readFile(path, "utf8")) as { document: { agreement: { windowMs: string } } };
      const validate = new Ajv2020({ strict: false }).compile(signedFileSchema());
      expect(validate(file), JSON.stringify(validate.errors)).to.equal(true);
      expect(file).to.have.nested.property("document.agreement.terms.price.currency", "CHF");
      expect(validate({ ...file, document: { ...file.document, more: 1 } })).to.equal(false);
      expect(run.stderr).to.match(/vcpuMilli +0.00002 CHF per unit and hour \(20000000\)/);
    });
  });

  describe("files from others", function () {
    async function signed() {
      const world = await twoOperators();
      const path = world.home.path("move.json");
      await done(world.home, "agree", world.vm, "--to", "2", "--site", "1", "--sign-only", "--out", path);
      const file = JSON.parse(await readFile(path, "utf8")) as {
        domain: object;
        document: { agreement: { site: number }; completeBy: string };
        signatures: Record<string, string>;
      };
      return { ...world, file };
    }

    it("are refused when what they say was not signed", async function () {
      const { host, file } = await signed();
      const cases: readonly (readonly [object, RegExp])[] = [
        [
          { ...file, document: { ...file.document, completeBy: "1" } },
          /^blockchainbus: \/completeBy: "1" is not in order/,
        ],
        [{ ...file, document: { ...file.document, more: 1 } }, /\/more: 1 is not a field of Move/],
        [
          { ...file, document: { ...file.document, completeBy: 1e15 } },
          /signature of cloud 1: CloudRegistry_BadSignature/,
        ],
        [
          { ...file, document: { ...file.document, completeBy: "99999999999999" } },
          /signature of cloud 1: CloudRegistry_/,
        ],
        [{ ...file, signatures: { 2: file.signatures[1] } }, /signature of cloud 2: CloudRegistry_/],
        [{ ...file, signatures: { 3: file.signatures[1] } }, /cloud 3 has no part in this Move/],
        [{ ...file, signatures: { 1: "0xzz" } }, /\/signatures\/1: "0xzz" is not a signature in hex/],
        [
          { ...file, domain: { ...file.domain, chainId: "7" } },
          /\/domain\/chainId: "7" is not 1337, as in this federation/,
        ],
        [{ ...file, name: "Permit" }, /\/name: "Permit" is not a document's name/],
        [{ ...file, name: "Handover" }, /\/agreement: .* is not a field of Handover/],
        [{ ...file, format: "other" }, /\/format: "other" is not blockchainbus\/signed-document\/1/],
        [{ ...file, more: 1 }, /\/more: 1 is not a known field/],
      ];
      for (const [content, message] of cases) {
        const path = await host.write("bad.json", content);
        const { exitCode, stderr, stdout } = await host.run("agree", "--with-signature", path, "--yes");
        expect(stderr).to.match(message);
        expect(stderr.trim().split("\n"), stderr).to.have.lengthOf(1);
        expect(exitCode).to.equal(5);
        expect(stdout).to.equal("");
      }
    });

    it("may be signed by an agent with the scope for it", async function () {
      const { found, home, host, file } = await signed();
      const [, { account, cloud }] = found.members;
      const agent = new Wallet(id("agent"));
      const keystore = await host.write("agent.json", await quickKeystore(agent, PASSWORD));
      await chmod(keystore, 0o600);
      const argv = [
        "agree",
        "--with-signature",
        home.path("move.json"),
        "--sign-only",
        "--yes",
        "--keystore",
        keystore,
      ];
      const powers = async (scopes: number) => {
        const acceptance = await acceptanceOf(found, agent, cloud, KeyRole.Agent);
        const until = (await chainTime(found.federation)) + 86_400_000n;
        await setAgent(asSender(found.federation, account), cloud, agent.address, scopes, until, [1], acceptance);
      };

      await powers(AgentScope.HOST);
      const { stdout, exitCode, stderr } = await host.run(...argv);
      const both = await home.write("both.json", stdout);
      expect(exitCode, stderr).to.equal(0);
      expect(JSON.parse(stdout)).to.have.nested.property("signatures.2");
      expect(JSON.parse(stdout)).to.have.nested.property("signatures.1", file.signatures[1]);

      await powers(AgentScope.RELAY);
      const refused = await home.run("agree", "--with-signature", both, "--yes");
      expect(refused.exitCode).to.equal(5);
      expect(refused.stderr).to.match(/^blockchainbus: signature of cloud 2: CloudRegistry_/);

      await powers(AgentScope.HOST);
      await done(home, "agree", "--with-signature", both);
    });

    it("are not sent before all have signed, and nothing is signed then", async function () {
      const { home, vm } = await twoOperators();

      const { exitCode, stderr } = await home.run("agree", vm, "--to", "cloud-2", "--site", "1", "--yes");

      expect(exitCode).to.equal(5);
      expect(stderr).to.equal("blockchainbus: cloud-2 (destination) has not signed: send it the file of --sign-only\n");
      expect(existsSync(home.path("journal.jsonl"))).to.equal(false);
    });

    it("may each bring one signature", async function () {
      const { home, host, file, vm, found } = await signed();
      const other = host.path("other.json");
      const unsigned = await host.write("unsigned.json", { ...file, signatures: {} });
      await done(host, "agree", "--with-signature", unsigned, "--sign-only", "--out", other);

      const { facts } = await done(
        home,
        ...["agree", "--with-signature", other, "--with-signature", home.path("move.json"), "--json"],
      );

      expect(facts()).to.have.property("number");
      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Agreed);
    });

    it("of a handover begin with the destination's signature", async function () {
      const { home, host, vm } = await signed();
      await done(host, "agree", "--with-signature", home.path("move.json"));
      await done(home, "start", vm);

      const { exitCode, stderr } = await home.run("complete", vm, "--sign-only", "--yes");

      expect(exitCode).to.equal(5);
      expect(stderr).to.include("cloud-2 (destination) signs a Handover first");
    });
  });

  describe("abort", function () {
    async function agreed() {
      const world = await twoOperators();
      const path = world.home.path("move.json");
      await done(world.home, "agree", world.vm, "--to", "2", "--site", "1", "--sign-only", "--out", path);
      const { number } = (await done(world.host, "agree", "--with-signature", path, "--json")).facts();
      return { ...world, number: Number(number) };
    }

    it("is sent by one party, with its reason", async function () {
      const { found, host, vm, number } = await agreed();

      await done(host, "abort", vm, "--reason", "Capacity", "--json");

      const { ledger } = found.federation;
      const [event] = await ledger.queryFilter(ledger.filters.MoveAborted(number));
      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Home);
      expect([event?.args.by, event?.args.reason]).to.deep.equal([2n, BigInt(AbortReason.Capacity)]);
    });

    it("is signed by source and destination with --mutual", async function () {
      const { found, home, host, vm } = await agreed();
      const path = host.path("abort.json");

      await done(host, "abort", vm, "--mutual", "--sign-only", "--out", path);
      await done(home, "abort", vm, "--mutual", "--with-signature", path);

      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Home);
    });
  });

  describe("record", function () {
    it("records what happened, signed by both", async function () {
      const { found, home, host, vm } = await twoOperators();
      const path = home.path("record.json");

      await done(home, "record", vm, "--to", "2", "--site", "1", "--sign-only", "--out", path);
      await done(host, "record", "--with-signature", path, "--json");

      expect(await hostOf(found, vm)).to.equal(2);
      const history = (await home.run("history", vm, "--json")).facts();
      expect(history).to.have.nested.property("stays[1].document", "Record");
      expect(history).to.have.nested.property("stays[1].signers").with.lengthOf(2);
    });
  });
});
