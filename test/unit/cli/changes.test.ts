import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { Wallet, id } from "ethers";
import { network } from "hardhat";

import { DEFAULT_PARAMETERS } from "../../../ignition/parameters.js";
import {
  AgentScope,
  type AddressBook,
  DocumentKind,
  KeyRole,
  VmState,
  asSender,
  connectFederation,
  declareLost,
  resultOf,
  revokeAgent,
  setAgent,
  setSuccessor,
  stays,
  vmOf,
} from "../../../src/index.js";
import { MigrationLedgerChanges__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedgerChanges__factory.js";
import { MigrationLedgerExits__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedgerExits__factory.js";
import { MigrationLedger__factory } from "../../../src/typechain/factories/contracts/ledger/MigrationLedger__factory.js";
import { PASSWORD, operatorOf, quickKeystore } from "../../fixtures/commandLine.js";
import { type TestFederation, acceptanceOf, chainTime, newVm, offeringFederation } from "../../fixtures/library.js";
import { done, hostedBy, refused } from "../../fixtures/operators.js";

const { networkHelpers } = await network.create();

describe("blockchainbus: changes of a stay", function () {
  let root: string;

  beforeEach(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  afterEach(async function () {
    await rm(root, { recursive: true });
  });

  async function threeOperators() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    const [home, host, third] = await Promise.all([1, 2, 3].map((cloud) => operatorOf(root, found, cloud)));
    return { found, home: home!, host: host!, third: third! };
  }

  /** A VM of cloud 1 that cloud 2 hosts for a price. */
  async function hosted() {
    const world = await threeOperators();
    const { found, home, host } = world;
    const terms = { price: { currency: "CHF", rates: { vcpuMilli: "20000000", memoryMiB: "7" } }, keepMs: "60000" };
    return { ...world, ...(await hostedBy(found, found.members[0], home, host, "cloud-2", terms)) };
  }

  interface AgreementFile {
    readonly document: {
      readonly agreement: {
        readonly site: number;
        readonly keepMs: string;
        readonly lines: readonly { readonly features: string; readonly resources: object }[];
        readonly terms: {
          readonly price: { readonly salt: string; readonly currency: string; readonly rates: object };
        };
      };
    };
  }

  const read = async (path: string) => (JSON.parse(await readFile(path, "utf8")) as AgreementFile).document.agreement;

  describe("vm amend", function () {
    it("changes what is said, and keeps the rest of the paper with fresh salts", async function () {
      const { found, home, host, vm, paper } = await hosted();
      const path = home.path("amendment.json");
      const terms = await home.write("dearer.json", { price: { rates: { vcpuMilli: "30000000" } } });

      const argv = ["vm", "amend", vm, "--memory", "8", "--paper", paper, "--terms", terms];
      const out = await done(home, ...argv, "--sign-only", "--out", path, "--json");
      const run = await done(host, "vm", "amend", "--with-signature", path, "--json");

      expect(out.facts()).to.deep.include({ name: "Amendment", signed: [1], missing: [2] });
      expect(out.stderr).to.match(/^Amendment\n {2}agreement\n/);
      expect(out.stderr).to.match(/memoryMiB +8 GiB memory \(8192\)/);
      expect(out.stderr).to.match(/vcpuMilli +0.00003 CHF per unit and hour/);
      const [before, after] = [await read(paper), await read(path)];
      expect(after).to.include({ site: 1, keepMs: "60000" });
      expect(after.terms.price).to.include({ currency: "CHF" });
      expect(after.terms.price.rates).to.include({ vcpuMilli: "30000000", memoryMiB: "7" });
      expect(after.terms.price.salt).to.not.equal(before.terms.price.salt);
      const { resources, sequence, state } = await vmOf(found.federation, vm);
      expect(resources).to.include({ vcpuMilli: 2_000, memoryMiB: 8_192, storageGiB: 40 });
      expect([sequence, state]).to.deep.equal([3, VmState.Abroad]);
      const [stay] = await stays(found.federation, vm, 3, 1);
      expect(stay).to.include({ host: 2, kind: DocumentKind.Amendment, agreement: run.facts().number });
    });

    it("takes new terms without a paper, and another amendment's paper after that", async function () {
      const { found, home, host, vm } = await hosted();
      const [first, second] = [home.path("first.json"), home.path("second.json")];
      const terms = await home.write("new.json", { price: { currency: "USD" } });

      await done(host, "vm", "amend", vm, "--terms", terms, "--sign-only", "--out", first);
      await done(home, "vm", "amend", "--with-signature", first);
      await done(home, "vm", "amend", vm, "--paper", first, "--vcpu", "1", "--sign-only", "--out", second);
      await done(host, "vm", "amend", "--with-signature", second);

      expect((await read(second)).terms.price.currency).to.equal("USD");
      expect((await vmOf(found.federation, vm)).resources).to.include({ vcpuMilli: 1_000, memoryMiB: 4_096 });
    });

    it("is refused in one line", async function () {
      const { found, home, host, vm, paper } = await hosted();
      const atHome = await newVm(found, found.members[0]);
      const other = await hostedBy(found, found.members[0], home, host, "cloud-2");
      const sign = ["--sign-only"];
      const path = home.path("much.json");

      await refused(home, ["vm", "amend", ...sign], 2, /VM is missing/);
      await refused(home, ["vm", "amend", vm, ...sign], 2, /--paper or --terms is missing/);
      await refused(home, ["vm", "amend", vm, "--paper", other.paper, ...sign], 5, /not the document with agreement/);
      await refused(home, ["vm", "amend", vm, "--with-signature", paper], 2, /--with-signature says which VMs/);
      await refused(home, ["vm", "amend", "--with-signature", paper], 5, /"Record" is not Amendment/);
      await refused(home, ["vm", "amend", atHome, "--paper", paper, ...sign], 2, /runs under no agreement/);
      await refused(home, ["vm", "amend", vm, "--paper", paper], 5, /cloud-2 \(host\) has not signed/);
      await done(home, "vm", "amend", vm, "--paper", paper, "--vcpu", "500", ...sign, "--out", path);
      await refused(host, ["vm", "amend", "--with-signature", path], 6, /CapacityExchange_/);
    });
  });

  describe("vm evacuate", function () {
    it("goes on elsewhere, once the loss was declared and the wait is over", async function () {
      const { found, home, third, vm } = await hosted();
      const [early, path] = [home.path("early.json"), home.path("evacuation.json")];
      const argv = ["vm", "evacuate", vm, "--to", "cloud-3", "--site", "1", "--sign-only", "--out"];
      await declareLost(asSender(found.federation, found.members[0].account), vm);

      await done(home, ...argv, early, "--agree-by", "+1min");
      await refused(third, ["vm", "evacuate", "--with-signature", early], 6, /MigrationLedger_TooEarly\(/);
      await networkHelpers.time.increase(DEFAULT_PARAMETERS.lossWait + 1);
      await done(home, ...argv, path);
      const run = await done(third, "vm", "evacuate", "--with-signature", path, "--json");

      expect(await vmOf(found.federation, vm)).to.include({ host: 3, site: 1, state: VmState.Abroad });
      const [stay] = await stays(found.federation, vm, 3, 1);
      expect(stay).to.include({ kind: DocumentKind.Evacuation, agreement: run.facts().number });
    });

    it("is refused for a VM that nobody declared lost", async function () {
      const { home, third, vm } = await hosted();
      const path = home.path("evacuation.json");

      await done(home, "vm", "evacuate", vm, "--to", "3", "--site", "1", "--sign-only", "--out", path);

      await refused(third, ["vm", "evacuate", "--with-signature", path], 6, /MigrationLedger_NotDeclaredLost\(/);
      await refused(home, ["vm", "evacuate", vm, "--sign-only"], 2, /--to is missing/);
    });
  });

  describe("vm succeed and vm adopt", function () {
    /** A ledger after the federation's own, which governance named. */
    async function named({ federation, addressBook, governance }: TestFederation): Promise<AddressBook> {
      const { authority, registry, exchange, ledger } = federation;
      const parts = [authority, registry, exchange, ledger] as const;
      const exits = await new MigrationLedgerExits__factory(governance).deploy(...parts);
      const changes = await new MigrationLedgerChanges__factory(governance).deploy(...parts);
      const next = await new MigrationLedger__factory(governance).deploy(...parts, exits, changes, DEFAULT_PARAMETERS);
      const successor = await next.getAddress();
      await setSuccessor(asSender(federation, governance), successor);
      return { ...addressBook, contracts: { ...addressBook.contracts, MigrationLedger: successor } };
    }

    it("take a VM over to the ledger that was named, where its stay goes on", async function () {
      const { found, home, host, vm } = await hosted();
      const path = home.path("succession.json");
      await refused(home, ["vm", "succeed", vm, "--sign-only"], 2, /named no ledger that succeeds this one/);
      const book = await named(found);
      const successor = book.contracts.MigrationLedger;
      const addresses = await host.write("successor.json", book);

      await refused(host, ["vm", "adopt", vm, "--addresses", addresses], 6, /MigrationLedger_NotSucceeding\(/);
      await done(home, "vm", "succeed", vm, "--sign-only", "--out", path);
      const ended = await done(host, "vm", "succeed", "--with-signature", path, "--json");
      const adopted = await done(host, "vm", "adopt", vm, "--addresses", addresses, "--json");

      expect(ended.facts()).to.deep.include({ vm, successor });
      expect(ended.stderr).to.match(new RegExp(`successor +${successor}`, "i"));
      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Succeeded);
      expect(adopted.facts()).to.include({ vm, ledger: successor, host: 2, stay: 3 });
      const later = connectFederation(found.federation.provider, book);
      expect(await vmOf(later, vm)).to.include({ home: 1, host: 2, state: VmState.Abroad });
      const [before] = await stays(found.federation, vm, 2, 1);
      const [after] = await stays(later, vm, 3, 1);
      expect(after?.startedAt).to.equal(before?.endedAt);
      await refused(host, ["vm", "adopt", vm, "--addresses", addresses], 6, /MigrationLedger_AlreadyRegistered\(/);
    });

    it("need one signature for a VM at home", async function () {
      const { found, home } = await threeOperators();
      const vm = await newVm(found, found.members[0]);
      await named(found);

      await done(home, "vm", "succeed", vm);

      expect((await vmOf(found.federation, vm)).state).to.equal(VmState.Succeeded);
    });
  });

  describe("revoke", function () {
    it("takes a signature back by the file, or by the id", async function () {
      const { found, home, host, vm, paper } = await hosted();
      const [first, second] = [home.path("first.json"), home.path("second.json")];
      const argv = ["vm", "amend", vm, "--paper", paper, "--sign-only", "--out"];
      await done(home, ...argv, first);
      await refused(home, ["vm", "amend", vm, "--paper", paper, "--sign-only"], 7, /revoke it first/);

      const run = await done(home, "revoke", first, "--json");
      const { document } = (await done(home, ...argv, second, "--json")).facts() as { document: string };
      await done(host, "revoke", document);

      const { ledger } = found.federation;
      expect(await ledger.isRevoked(1, String(run.facts().document))).to.equal(true);
      expect(await ledger.isRevoked(2, document)).to.equal(true);
      await refused(host, ["vm", "amend", "--with-signature", first], 6, /MigrationLedger_Revoked\(/);
    });

    it("is refused where nothing can be taken back", async function () {
      const { home, vm } = await hosted();
      const path = home.path("report.json");
      const argv = ["report", "agreed", vm, "--window", "0", "--loss-ppm", "1", "--sign-only", "--out", path];
      await done(home, ...argv);

      await refused(home, ["revoke", path], 2, /signatures of the type AgreedReport cannot be taken back/);
      await refused(home, ["revoke", home.path("none.json")], 5, /none\.json cannot be read/);
      await refused(home, ["revoke", path, "--books"], 2, /--books goes with an id/);
    });
  });

  describe("--paper", function () {
    it("stands when the key that signed it is gone", async function () {
      const { found, home, host, vm } = await hosted();
      const [{ account, cloud }] = found.members;
      const agent = new Wallet(id("agent"));
      const keystore = await home.write("agent.json", await quickKeystore(agent, PASSWORD));
      const until = (await chainTime(found.federation)) + 86_400_000n;
      const acceptance = await acceptanceOf(found, agent, cloud, KeyRole.Agent);
      const sender = asSender(found.federation, account);
      await setAgent(sender, cloud, agent.address, AgentScope.MOVE_OUT, until, [], acceptance);
      const terms = await home.write("new.json", {});
      const path = home.path("by-agent.json");
      await chmod(keystore, 0o600);
      const argv = ["vm", "amend", vm, "--terms", terms, "--sign-only", "--out", path];
      await done(home, ...argv, "--keystore", keystore);
      await done(host, "vm", "amend", "--with-signature", path);
      await revokeAgent(sender, cloud, agent.address);

      await done(host, "report", "open", vm, "--paper", path);

      expect(await resultOf(found.federation, vm, 3, 0)).to.include({ state: "None" });
      expect((await found.federation.oracle.gridOf(vm, 3)).host).to.equal(2n);
    });
  });
});
