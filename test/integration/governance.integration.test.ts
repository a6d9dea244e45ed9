import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";
import { HDNodeWallet, type Wallet, encryptKeystoreJson, id } from "ethers";
import { network } from "hardhat";

import { runGovernance } from "../../scripts/governance/run.js";
import { BusError, CloudStatus } from "../../src/index.js";
import { freshProvider } from "../fixtures/commandLine.js";
import {
  type Governed,
  SLOW_DELAY,
  accountKey,
  addressBookOf,
  fiveClouds,
  fourClouds,
  recoveryKey,
  sixCloudsFourValidators,
  wait,
} from "../fixtures/governance.js";
import { keyOf } from "../fixtures/registry.js";
import { nodeKey } from "../fixtures/validators.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { networkHelpers } = await network.create();

const DAY = 86_400;
/** Everybody's: of the accounts of Hardhat's simulator. */
const SIMULATOR_PHRASE = "test test test test test test test test test test test junk";

interface Keys {
  readonly account?: Wallet;
  readonly recovery?: Wallet;
  readonly guardian?: string;
  readonly next?: Wallet;
  readonly node?: Wallet;
}

interface Printed {
  readonly lines: readonly string[];
  readonly questions: readonly string[];
}

describe("npm run governance", function () {
  let folder: string;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "governance-"));
  });
  after(async function () {
    await rm(folder, { recursive: true });
  });

  const write = async (name: string, content: unknown): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };

  /** A terminal at the federation, with an answer to every question. */
  async function terminal(world: Governed, answer = true) {
    const provider = freshProvider(world.connection.ethers.provider);
    const addresses = await write("addresses.json", await addressBookOf(world));
    return async (keys: Keys, ...argv: string[]): Promise<Printed> => {
      const lines: string[] = [];
      const questions: string[] = [];
      const env = {
        ACCOUNT_PRIVATE_KEY: keys.account?.privateKey,
        RECOVERY_PRIVATE_KEY: keys.recovery?.privateKey,
        GUARDIAN_PRIVATE_KEY: keys.guardian,
        NEW_PRIVATE_KEY: keys.next?.privateKey,
        NODE_PRIVATE_KEY: keys.node?.privateKey,
      };
      await runGovernance([...argv, "--addresses", addresses], {
        env,
        provider,
        print: (line) => void lines.push(...line.split("\n")),
        confirm: (question) => {
          questions.push(question);
          return Promise.resolve(answer);
        },
      });
      return { lines, questions };
    };
  }

  const facts = ({ lines }: Printed) => JSON.parse(lines.join("\n")) as Record<string, unknown>;
  const by = (cloud: number): Keys => ({ account: accountKey(cloud) });

  /** Id of the newest proposal. */
  async function newest(run: Awaited<ReturnType<typeof terminal>>): Promise<string> {
    const { proposals } = facts(await run({}, "show", "--json")) as { proposals: { id: string }[] };
    return proposals.at(-1)!.id;
  }

  it("takes a candidate from its keys to its first validator", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const run = await terminal(world);
    const candidate = { account: accountKey(5), recovery: recoveryKey(5) };
    const spki = id("spki 5");

    const file = await run(candidate, "candidate", "echo", "--endpoint", "https://echo.example", "--spki", spki);
    const path = await write("echo.json", file.lines.join("\n"));
    const proposed = await run(by(1), "propose-admission", path);
    const ballot = await newest(run);
    await wait(world, 1);
    const voted = await run(by(1), "vote", ballot.slice(0, 12));
    await run(by(2), "vote", ballot, "abstain");
    await run(by(2), "vote", ballot, "for");
    await run(by(3), "vote", ballot, "for", "--yes");
    await run(by(4), "queue", ballot);
    await wait(world, SLOW_DELAY);
    const executed = facts(await run(by(4), "execute", ballot, "--json"));
    const activated = await run({ ...candidate, node: nodeKey(5) }, "activate");

    const words = proposed.lines.join("\n");
    expect(words).to.include(`admits "echo" as cloud 5: account ${accountKey(5).address}`);
    expect(words).to.include("! 5 members then need 4 votes");
    expect(words).to.include("Can be executed 2 d after it was queued.");
    expect(proposed.questions).to.deep.equal(["Send it?"]);
    expect(voted.lines.join("\n")).to.include('admits "echo"');
    expect(executed).to.include({ proposal: ballot });
    expect(activated.lines[0]).to.include(`Cloud 5 seats its validator ${nodeKey(5).address}`);
    expect(await world.registry.cloudOfLabel("echo")).to.equal(5n);
    expect(await world.validators.validatorOf(5)).to.equal(nodeKey(5).address);
  });

  it("shows the federation, and a proposal with who voted how", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const run = await terminal(world);
    await run(by(1), "confirm", "4", "--description", "Suspend the fourth");
    await wait(world, 1);
    const ballot = await newest(run);
    await run(by(2), "vote", ballot, "against");

    const all = (await run({}, "show")).lines.join("\n");
    const one = (await run({}, "show", ballot)).lines.join("\n");

    expect(all).to.include("Members decide with 3 votes");
    expect(all).to.include("1 cloud-1");
    expect(all).to.include("Active    Suspend the fourth");
    expect(one).to.include("0 of 3 votes needed, of 4");
    expect(one).to.include("suspends cloud-4 (cloud 4)");
    expect(one).to.include("cloud-2: Against");
    expect(facts(await run({}, "show", ballot, "--json"))).to.deep.include({
      id: ballot,
      state: "Active",
      proposer: 1,
      ballots: [{ cloud: 2, label: "cloud-2", ballot: "Against" }],
    });
  });

  it("warns of few validators", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const run = await terminal(world);
    await run(by(4), "leave");

    expect((await run({}, "show")).lines).to.include("! 3 validators tolerate no faulty one: four do");
  });

  it("suspends at once by the guardian, confirms and lifts by vote", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const run = await terminal(world);
    const guardian = HDNodeWallet.fromPhrase(SIMULATOR_PHRASE, undefined, "m/44'/60'/0'/0/1");
    expect(guardian.address).to.equal(world.guardian.address);

    const { lines } = await run({ guardian: guardian.privateKey }, "suspend", "4");

    expect(lines[0]).to.include("The guardian suspends cloud 4 for 7 d.");
    expect(await world.registry.statusOf(4)).to.equal(CloudStatus.Suspended);

    for (const verb of ["confirm", "lift"]) {
      await run(by(1), verb, "4");
      const ballot = await newest(run);
      await wait(world, 1);
      for (const cloud of [1, 2, 4]) await run(by(cloud), "vote", ballot);
      await run(by(3), "execute", ballot);
      expect(await world.registry.statusOf(4)).to.equal(
        verb === "confirm" ? CloudStatus.Suspended : CloudStatus.Active,
      );
    }
    await run(by(4), "suspend-self");
    expect(await world.registry.statusOf(4)).to.equal(CloudStatus.Suspended);
  });

  it("rotates an account, and recovers it", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const run = await terminal(world);
    const [second, third, fourth] = [keyOf("second"), keyOf("third"), keyOf("fourth")];

    await run({ ...by(1), next: second }, "rotate");
    await wait(world, 2 * DAY);
    await run(by(2), "rotate", "complete", "1");
    expect(await world.registry.accountOf(1)).to.equal(second.address);
    await run({ account: second, next: third }, "rotate", "begin");
    await run({ account: second }, "rotate", "cancel", "1");
    await run({ recovery: recoveryKey(1), next: fourth }, "recover", "1");

    expect(await world.registry.accountOf(1)).to.equal(fourth.address);
  });

  it("leaves, and takes the validator along", async function () {
    const world = await networkHelpers.loadFixture(fiveClouds);
    const run = await terminal(world);

    const { lines } = await run(by(5), "leave");

    expect(lines.join("\n")).to.include(`Then its validator ${nodeKey(5).address} is taken out.`);
    expect(await world.registry.statusOf(5)).to.equal(CloudStatus.Left);
    expect(await world.validators.validatorCount()).to.equal(4n);
  });

  it("moves a validator to another node, takes it out, and prunes another's", async function () {
    const world = await networkHelpers.loadFixture(fiveClouds);
    const run = await terminal(world);
    const keyFile = await write("key", nodeKey("new").privateKey.slice(2));
    await run(by(5), "replace", "--node-key", keyFile);
    expect(await world.validators.validatorOf(5)).to.equal(nodeKey("new").address);
    await run(by(5), "retire");
    expect(await world.validators.validatorCount()).to.equal(4n);
    await world.ledger.connect(await world.connection.ethers.getImpersonatedSigner(accountKey(4).address)).leave(4);

    await run(by(1), "prune", "4");

    expect(await world.validators.validatorCount()).to.equal(3n);
  });

  it("invites an independent operator's node, and seats it", async function () {
    const world = await networkHelpers.loadFixture(sixCloudsFourValidators);
    const run = await terminal(world);
    const node = nodeKey("x");
    await run(by(1), "propose-invitation", node.address);
    const ballot = await newest(run);
    await wait(world, 1);
    for (const cloud of [1, 2, 3, 4]) await run(by(cloud), "vote", ballot);
    await run(by(1), "execute", ballot);

    await run({ ...by(1), node }, "seat");

    expect(await world.validators.validatorCount()).to.equal(5n);
  });

  it("proposes whatever can be proposed, in words", async function () {
    const world = await networkHelpers.loadFixture(fiveClouds);
    const run = await terminal(world);
    const own = { account: accountKey(6), recovery: recoveryKey(6) };
    const options = ["--endpoint", "https://x.example", "--spki", id("spki x")];
    const keys = await write(
      "keys.json",
      (await run(own, "candidate", "cloud-5", "--cloud", "5", ...options)).lines.join("\n"),
    );
    const consent = await write(
      "consent.json",
      (await run({ account: accountKey(5) }, "accept", "5")).lines.join("\n"),
    );
    const calls = await write("calls.json", [
      { target: await world.ledger.getAddress(), data: world.ledger.interface.encodeFunctionData("closeForNew") },
    ]);
    await run(by(2), "confirm", "3");
    const open = await newest(run);
    const rows: readonly (readonly [argv: readonly string[], words: string])[] = [
      [["propose-expulsion", "5"], "expels cloud-5"],
      [["propose-readmission", "5", consent], "makes cloud-5 (cloud 5) a member again"],
      [
        ["propose-replacement", "5", keys],
        `announces other keys for cloud-5 (cloud 5): account ${accountKey(6).address}`,
      ],
      [["propose-removal", nodeKey(5).address], "takes out the validator"],
      [["propose-withdrawal", nodeKey("x").address], "takes back the invitation"],
      [["propose-parameters", "ledger", "agreeWithin=1200"], "agreeWithin from 15 min to 20 min"],
      [["propose-parameters", "validators", "returnWait=3600"], "returnWait from 1 d to 1 h"],
      [["propose-parameters", "governance", "slowDelay=86400"], "slowDelay from 2 d to 1 d"],
      [["propose-role", "grant", "GUARDIAN", nodeKey("y").address], "gives the role GUARDIAN"],
      [["propose-role", "revoke", "GUARDIAN", world.guardian.address], "takes the role GUARDIAN"],
      [["propose-cancel", open], "cancels proposal"],
      [["propose", calls], "closes the ledger for new business"],
    ];

    for (const [argv, words] of rows) {
      expect((await run(by(1), ...argv)).lines.join("\n"), argv[0]).to.include(words);
    }
    await run(by(2), "cancel", open);

    const { proposals } = facts(await run({}, "show", "--json")) as { proposals: { state: string }[] };
    expect(proposals.map(({ state }) => state)).to.have.length(rows.length + 1);
    expect(proposals[0]?.state).to.equal("Canceled");
  });

  it("opens a keystore", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const provider = freshProvider(world.connection.ethers.provider);
    const addresses = await write("addresses.json", await addressBookOf(world));
    const encrypted = await encryptKeystoreJson(accountKey(1), "secret", { scrypt: { N: 2, r: 1, p: 1 } });
    const keystore = await write("keystore.json", encrypted);
    const propose = (env: Record<string, string>) =>
      runGovernance(["confirm", "2", "--addresses", addresses, "--keystore", keystore], {
        env,
        provider,
        print: () => undefined,
        confirm: () => Promise.resolve(true),
      });

    await propose({ KEYSTORE_PASSWORD: "secret" });

    for (const env of [{}, { KEYSTORE_PASSWORD: "wrong" }]) {
      expect(await mistakeOf(() => propose(env))).to.match(/^NO_SIGNER: /);
    }
  });

  async function mistakeOf(act: () => Promise<unknown>): Promise<string> {
    try {
      await act();
    } catch (thrown) {
      if (thrown instanceof BusError) return `${thrown.code}: ${thrown.message}`;
      throw thrown;
    }
    return "none";
  }

  it("sends nothing without a yes", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const run = await terminal(world, false);

    expect(await mistakeOf(() => run(by(1), "confirm", "4"))).to.equal("BAD_COMMAND: not sent");
    expect((await run({}, "show")).lines.at(-1)).to.equal("No proposals.");
  });

  it("says what is wrong in one line", async function () {
    const world = await networkHelpers.loadFixture(fourClouds);
    const run = await terminal(world);
    const broken = await write("broken.json", "{");
    const empty = await write("empty.json", {});
    const noCalls = await write("no-calls.json", []);
    const badCall = await write("bad-call.json", [{ target: "0x12", data: "0x" }]);
    const rows: readonly (readonly [argv: readonly string[], keys: Keys, mistake: RegExp])[] = [
      [["dance"], {}, /^BAD_COMMAND: dance is no command/],
      [["show", "--loud"], {}, /^BAD_COMMAND: Unknown option '--loud'/],
      [["show", "12"], {}, /^BAD_COMMAND: there is no proposal 12$/],
      [["show", "x"], {}, /^BAD_COMMAND: ID: x is no proposal's id$/],
      [["vote"], by(1), /^BAD_COMMAND: ID is missing$/],
      [["confirm", "99"], by(1), /^BAD_COMMAND: CLOUD: there is no cloud 99$/],
      [["confirm", "x"], by(1), /^BAD_COMMAND: CLOUD: x is no cloud's number$/],
      [["confirm", "4"], {}, /^NO_SIGNER: ACCOUNT_PRIVATE_KEY is not set$/],
      [["confirm", "4"], { account: nodeKey("x") }, /^NO_SIGNER: 0x.* is no cloud's account$/],
      [["propose-removal", "x"], by(1), /^BAD_COMMAND: NODE: x is no address$/],
      [["propose-role", "lend", "GUARDIAN", "x"], by(1), /^BAD_COMMAND: lend is neither/],
      [["propose-role", "grant", "KING", "x"], by(1), /^BAD_COMMAND: ROLE: KING is none of/],
      [["propose-role", "grant", "GUARDIAN", "x"], by(1), /^BAD_COMMAND: ADDRESS: x is no address$/],
      [["propose-parameters", "moon", "a=1"], by(1), /^BAD_COMMAND: moon is none of/],
      [["propose-parameters", "ledger"], by(1), /^BAD_COMMAND: NAME=SECONDS is missing$/],
      [["propose-parameters", "ledger", "agreeWithin"], by(1), /^BAD_COMMAND: agreeWithin is no NAME=SECONDS$/],
      [["propose-parameters", "ledger", "moon=1"], by(1), /^BAD_COMMAND: moon is none of agreeWithin/],
      [["propose-admission", join(folder, "nothing")], by(1), /cannot be read$/],
      [["propose-admission", broken], by(1), /is no JSON$/],
      [["propose-admission", empty], by(1), /^BAD_COMMAND: \/candidate: undefined is no object$/],
      [["propose", empty], by(1), /is no list of calls$/],
      [["propose", noCalls], by(1), /is no list of calls$/],
      [["propose", badCall], by(1), /\/0\/target is no address$/],
      [["candidate", "x"], by(1), /^BAD_COMMAND: --endpoint is missing$/],
      [["candidate", "x", "--endpoint", "y"], by(1), /^BAD_COMMAND: --spki is missing$/],
      [["candidate", "x", "--endpoint", "y", "--spki", "z"], by(1), /^BAD_COMMAND: --spki: z is no 32 bytes/],
      [["accept", "1", "--days", "-1"], by(1), /^BAD_COMMAND:/],
      [["rotate", "back"], by(1), /^BAD_COMMAND: back is none of begin, complete, cancel$/],
      [["activate", "--node-key", broken], by(1), /^NO_SIGNER: .* holds no node key$/],
      [["suspend", "1"], { guardian: "0x12" }, /^NO_SIGNER: GUARDIAN_PRIVATE_KEY holds no private key$/],
      [["retire"], by(1), /^REVERTED: ValidatorSet_TooFew\(count: 4, least: 4\)$/],
      [["prune", "1"], by(1), /^REVERTED: ValidatorSet_WrongStatus/],
    ];
    for (const [argv, keys, mistake] of rows) {
      expect(await mistakeOf(() => run(keys, ...argv)), argv.join(" ")).to.match(mistake);
    }
    await run(by(1), "confirm", "4");
    const ballot = await newest(run);
    await wait(world, 1);
    expect(await mistakeOf(() => run(by(1), "vote", ballot, "perhaps"))).to.match(/^BAD_COMMAND: perhaps is none of/);
  });

  describe("as a program", function () {
    this.timeout(60_000);

    function start(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
      return new Promise((resolve) => {
        const command = ["--import", "tsx", "scripts/governance.ts", ...args];
        const child = execFile(process.execPath, command, { cwd: ROOT }, (_error, out, errors) => {
          resolve({ code: child.exitCode ?? 1, out, errors });
        });
      });
    }

    it("lists its commands", async function () {
      const { code, out } = await start("--help");
      expect(code).to.equal(0);
      for (const command of [
        "propose-admission",
        "vote",
        "queue",
        "execute",
        "cancel",
        "suspend",
        "confirm",
        "rotate",
      ]) {
        expect(out).to.include(command);
      }
    });

    it("ends with 1 and one line on a mistake", async function () {
      const world = await networkHelpers.loadFixture(fourClouds);
      const addresses = await write("addresses.json", await addressBookOf(world));
      for (const args of [
        ["dance"],
        ["show"],
        ["show", "--addresses", join(folder, "nothing.json")],
        ["show", "--addresses", addresses],
        ["show", "--addresses", addresses, "--rpc", "http://127.0.0.1:1"],
      ]) {
        const { code, errors } = await start(...args);
        expect(code, args.join(" ")).to.equal(1);
        expect(errors.trim().split("\n"), errors).to.have.length(1);
      }
      expect(JSON.parse(await readFile(addresses, "utf8"))).to.have.property("chainId");
    });
  });
});
