import { execFile, spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import { id } from "ethers";
import { network } from "hardhat";

import { handOver, handedOver } from "../../../src/cli/commands/checkout.js";
import { bashCompletion, zshCompletion } from "../../../src/cli/completion.js";
import { EXIT_CODES, exitCodeOf } from "../../../src/cli/exitCodes.js";
import { PROFILE_SCHEMA, parseProfile } from "../../../src/cli/profile.js";
import { parseDuration, parseFeatures, parseResources, parseTime } from "../../../src/cli/values.js";
import { ACTIONS } from "../../../src/gateway/actions.js";
import { BusError, type RpcProvider } from "../../../src/index.js";
import {
  PASSWORD,
  commandTree,
  leavesOf,
  memberKey,
  operatorOf,
  quickKeystore,
  runProgram,
} from "../../fixtures/commandLine.js";
import { newVm, offeringFederation } from "../../fixtures/library.js";

const run = promisify(execFile);
const { networkHelpers } = await network.create();

describe("blockchainbus", function () {
  let root: string;

  beforeEach(async function () {
    root = await mkdtemp(join(tmpdir(), "cli-"));
  });
  afterEach(async function () {
    await rm(root, { recursive: true });
  });

  async function standing() {
    const found = await networkHelpers.loadFixture(offeringFederation);
    return { found, operator: await operatorOf(root, found, 1) };
  }

  /** A command line that ends with an exit code and one line on the standard error. */
  function expectMistake(
    { exitCode, stdout, stderr }: { exitCode: number; stdout: string; stderr: string },
    code: keyof typeof EXIT_CODES,
    message: RegExp,
  ): void {
    expect(stderr).to.match(message);
    expect(stderr.split("\n"), stderr).to.have.lengthOf(2);
    expect(stderr).to.match(/^blockchainbus: /);
    expect(exitCode, stderr).to.equal(EXIT_CODES[code]);
    expect(stdout).to.equal("");
  }

  describe("exit codes", function () {
    it("1 for what nobody foresaw, without a stack", async function () {
      const { operator } = await standing();
      const broken = { send: () => Promise.reject(new TypeError("x is not a function\n    at y")) };

      const ended = await operator.at({ provider: broken as unknown as RpcProvider }, "cloud", "list");

      expectMistake(ended, "FAILED", /: x is not a function\n$/);
    });

    it("2 for commands, options and arguments that are wrong", async function () {
      const { operator } = await standing();
      const cases: readonly (readonly [readonly string[], RegExp])[] = [
        [["clud"], /unknown command 'clud'/],
        [["cloud", "lst"], /unknown command 'lst'/],
        [["cloud", "list", "--jsn"], /unknown option '--jsn'\. Did you mean --json\?/],
        [["where"], /missing required argument 'vm'/],
        [["where", "0x12"], /VM: 0x12 is no 32 bytes in hex/],
        [["where", id("x"), "--at", "yesterday"], /--at: yesterday is no date/],
        [["match"], /--vcpu, --memory or --storage is missing/],
        [["match", "--vcpu", "1", "--price-weight", "2"], /--price-weight: 2 is no number between 0 and 1/],
        [["cloud", "show", "nobody"], /CLOUD: there is no cloud nobody/],
        [["agree", "--to", "2", "--sign-only"], /VM is missing/],
        [["abort", id("x"), "--reason", "Boredom"], /Allowed choices are Unspecified, Capacity/],
        [["statement", "--from", "2026-01-02", "--to", "2026-01-01"], /does not begin before it ends/],
        [["offer", "set", "70000", "--vcpu", "1"], /SITE: 70000 is no number from 0 to 65535/],
        [["governance", "show", "12"], /there is no proposal 12/],
        [["completion", "fish"], /Allowed choices are bash, zsh/],
      ];
      for (const [argv, message] of cases) {
        expectMistake(await operator.run(...argv), "BAD_COMMAND", message);
      }
    });

    it("3 for a profile, an address book or a key that is wrong", async function () {
      const { found, operator } = await standing();
      const bad = await operator.write("bad.json", { rcp: "http://127.0.0.1:1" });
      const empty = await operator.write("empty.json", {});
      const noJson = await operator.write("no.json", "{");
      const open = await operator.write("open.json", await quickKeystore(memberKey(1), PASSWORD));
      await chmod(open, 0o640);
      const sending = ["vm", "id", "web-1"];

      const at = (profile: string, ...argv: string[]) =>
        runProgram([...argv, "--profile", profile], { provider: found.federation.provider });
      expectMistake(await at(bad, "cloud", "list"), "BAD_SETTING", /bad\.json: \/rcp: .* is not a known field/);
      expectMistake(await at("/nowhere.json", "cloud", "list"), "BAD_SETTING", /\/nowhere\.json cannot be read/);
      expectMistake(await at(noJson, "cloud", "list"), "BAD_SETTING", /no\.json is not JSON/);
      expectMistake(await at(empty, "cloud", "list"), "BAD_SETTING", /no address book: --addresses FILE/);
      const wrongBook = await operator.run("cloud", "list", "--addresses", bad);
      expectMistake(wrongBook, "BAD_SETTING", /bad\.json: \/rcp: .* is not a known field/);
      const readable = await operator.run(...sending, "--keystore", open);
      expectMistake(readable, "BAD_SETTING", /others may read it \(mode 640\): chmod 600/);
      const missing = await operator.run(...sending, "--keystore", operator.path("none.json"));
      expectMistake(missing, "BAD_SETTING", /none\.json cannot be read/);
      const unset = await operator.at({ env: {} }, ...sending);
      expectMistake(unset, "BAD_SETTING", /BLOCKCHAINBUS_PASSWORD is not set, and nobody can be asked here/);
      const password = await operator.at({ env: { BLOCKCHAINBUS_PASSWORD: "wrong" } }, ...sending);
      expectMistake(password, "BAD_SETTING", /key\.json cannot be opened with this password/);
    });

    it("4 when no node answers, or it serves another chain", async function () {
      const { found, operator } = await standing();
      const book = { ...found.addressBook, chainId: "7" };
      const elsewhere = await operator.write("elsewhere.json", book);
      const chain = ["--rpc", "http://127.0.0.1:1", "--rpc", "http://127.0.0.1:2"];

      const silent = await operator.at({ provider: undefined }, "cloud", "list", ...chain);
      const other = await operator.run("cloud", "list", "--addresses", elsewhere);

      expectMistake(silent, "NO_CHAIN", /no node answers at http:\/\/127\.0\.0\.1:1, http:\/\/127\.0\.0\.1:2/);
      expectMistake(other, "NO_CHAIN", /the node's chain id is 1337, not 7/);
    });

    it("5 for documents that nobody should sign", async function () {
      const { found, operator } = await standing();
      const vm = await newVm(found, found.members[0]);
      const terms = await operator.write("terms.json", { price: { currency: "XYZ" } });

      const wrong = await operator.run("agree", vm, "--to", "2", "--site", "1", "--terms", terms, "--sign-only");

      expectMistake(wrong, "BAD_DOCUMENT", /\/agreement\/terms\/price\/currency: "XYZ" is not an ISO 4217 code/);
    });

    it("6 when a contract refuses, with its error's name and arguments", async function () {
      const { operator } = await standing();

      const refused = await operator.run("where", id("no VM"));
      const json = await operator.run("where", id("no VM"), "--json");

      expectMistake(refused, "REFUSED", /: MigrationLedger_UnknownVm\(vm: 0x[0-9a-f]{64}\)\n$/);
      expect(JSON.parse(json.stderr)).to.have.nested.property("error.errorName", "MigrationLedger_UnknownVm");
      expect(JSON.parse(json.stderr)).to.have.nested.property("error.args.vm", id("no VM"));
    });

    it("7 when the desk will not sign", async function () {
      const { found, operator } = await standing();
      const vm = await newVm(found, found.members[0]);
      const argv = ["agree", vm, "--to", "2", "--site", "1", "--sign-only", "--yes"];

      const first = await operator.run(...argv);
      const second = await operator.run(...argv);

      expect(first.exitCode, first.stderr).to.equal(EXIT_CODES.DONE);
      expect(second.exitCode).to.equal(EXIT_CODES.NOT_SIGNED);
      expect(second.stderr.trim().split("\n").at(-1)).to.match(/Move 0x[0-9a-f]{64} was signed about the same/);
    });

    it("8 when the question is not answered with yes", async function () {
      const { operator } = await standing();
      const argv = ["vm", "register", "web-1", "--vcpu", "1"];

      const no = await operator.at({ isTty: true, answers: ["no"] }, ...argv);
      const nobody = await operator.run(...argv);

      expect([no.exitCode, nobody.exitCode]).to.deep.equal([EXIT_CODES.NOT_CONFIRMED, EXIT_CODES.NOT_CONFIRMED]);
      expect(no.stderr).to.include("not confirmed: nothing was done");
      expect((await operator.run("vm", "list", "--json")).facts()).to.deep.equal({ vms: [] });
    });

    it("10 for what needs a checkout, elsewhere", async function () {
      const io = { run: () => Promise.reject(new Error("nothing is to be run")) };
      const thrown: unknown = await handOver({ ...io } as never, "oracle.ts", [], root).catch(
        (error: unknown) => error,
      );

      expect(thrown).to.be.instanceOf(BusError);
      expect(exitCodeOf(thrown)).to.equal(EXIT_CODES.NEEDS_CHECKOUT);
      expect((thrown as BusError).message).to.equal(
        "scripts/oracle.ts is not here: this command needs a checkout, with npm ci",
      );
    });
  });

  describe("scripts of a checkout", function () {
    it("get what is typed after the command, options included", function () {
      expect(handedOver(["oracle", "--config", "x.json", "--json"])).to.deep.equal({
        script: "oracle.ts",
        args: ["--config", "x.json", "--json"],
      });
      expect(handedOver(["genesis", "--", "--help"])).to.deep.equal({
        script: "network.ts",
        args: ["genesis", "--help"],
      });
      expect(handedOver(["network", "--help"])).to.equal(undefined);
      expect(handedOver(["cloud", "list"])).to.equal(undefined);
    });

    it("end the program with their exit code", async function () {
      const calls: (readonly string[])[] = [];
      const io = {
        env: { PATH: "/bin" },
        run: (_command: string, args: readonly string[]) => {
          calls.push(args);
          return Promise.resolve(3);
        },
      };

      expect(await handOver(io as never, "oracle.ts", ["--once"])).to.equal(3);
      expect(calls[0]?.slice(-2)[0]).to.match(/scripts\/oracle\.ts$/);
      expect(calls[0]?.at(-1)).to.equal("--once");
    });
  });

  describe("help", function () {
    it("has an example for every command", async function () {
      for (const path of leavesOf()) {
        const { exitCode, stdout } = await runProgram([...path.split(" "), "--help"], {});
        expect(exitCode, path).to.equal(0);
        expect(stdout, path).to.include(`Usage: blockchainbus ${path}`);
        expect(stdout, path).to.include(`\nExample:\n  $ npx blockchainbus ${path}`);
        expect(stdout, path).to.include("--profile <file>");
      }
    });

    it("of the program lists commands and exit codes", async function () {
      const { exitCode, stdout } = await runProgram(["--help"], {});

      expect(exitCode).to.equal(0);
      for (const name of ["cloud", "governance", "oracle", "genesis"])
        expect(stdout).to.match(new RegExp(`\n  ${name} `));
      for (const code of Object.values(EXIT_CODES)) expect(stdout).to.match(new RegExp(`\n +${code}  [a-z]`));
    });
  });

  describe("the library's actions", function () {
    /** What members decide by vote: `governance` proposes it, or nobody needs to on a command line. */
    const BY_VOTE = [
      ...["retireFeature", "setFeature", "closeForNew", "setParameters", "setSuccessor", "setPeriods"],
      ...["admit", "announceReplacement", "confirmSuspension", "expel", "liftSuspension", "readmit"],
      ...["withdrawReplacement", "setReputationRules", "inviteValidator", "removeValidator"],
      ...["setValidatorParameters", "withdrawInvitation"],
    ];
    /** The guardian's, and what one contract tells another. */
    const BY_OTHERS = ["pauseNew", "resumeNew", "markLeft"];

    it("have a command each, but those that no cloud sends", async function () {
      const folder = fileURLToPath(new URL("../../../src/cli", import.meta.url));
      const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith(".ts"));
      const sources = await Promise.all(paths.map((path) => readFile(join(folder, path), "utf8")));
      const used = new Set(
        sources.flatMap((source) => [...source.matchAll(/\/actions\/[a-z]+\/(\w+)\.js"/g)].map(([, name]) => name)),
      );

      const missing = ACTIONS.map(({ name }) => name).filter((name) => !used.has(name));

      expect(missing).to.have.members([...BY_VOTE, ...BY_OTHERS]);
    });
  });

  describe("completion", function () {
    it("is bash that the shell accepts, and completes commands, options and choices", async function () {
      const path = join(root, "completion.bash");
      await writeFile(path, bashCompletion(commandTree()));
      await run("bash", ["-n", path]);
      const complete = async (...words: string[]) => {
        const script = `source ${path}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _blockchainbus; printf '%s\\n' "\${COMPREPLY[@]}"`;
        return (await run("bash", ["-c", script, "bash", "blockchainbus", ...words])).stdout.trim().split("\n");
      };

      expect(await complete("clo")).to.deep.equal(["cloud"]);
      expect(await complete("cloud", "")).to.include.members(["list", "show", "--json"]);
      expect(await complete("statement", "--fo")).to.deep.equal(["--format"]);
      expect(await complete("statement", "--format", "f")).to.deep.equal(["focus"]);
      expect(await complete("governance", "propose-ad")).to.deep.equal(["propose-admission"]);
    });

    it("knows every command in zsh", function () {
      const script = zshCompletion(commandTree());
      for (const leaf of leavesOf()) expect(script).to.include(`"${leaf}"`);
    });

    const hasZsh = spawnSync("zsh", ["--version"]).status === 0;
    it(`is zsh, and completes commands, options and choices${hasZsh ? "" : ": skipped, there is no zsh"}`, async function () {
      if (!hasZsh) this.skip();
      const [script, output] = [join(root, "completion.zsh"), join(root, "completed")];
      await writeFile(script, zshCompletion(commandTree()));
      const typed = ["stat", "cloud li", "cloud agent s", "statement --fo", "statement --format fo", "--key"];
      const words = typed.map((text) => `blockchainbus ${text}`);
      await run("zsh", ["-f", "test/fixtures/complete.zsh", script, output, ...words]);
      const [, ...lines] = (await readFile(output, "utf8")).trimEnd().split("\n");
      expect(lines.map((line) => line.trim())).to.deep.equal([
        "blockchainbus statement",
        "blockchainbus cloud list",
        "blockchainbus cloud agent set",
        "blockchainbus statement --format",
        "blockchainbus statement --format focus",
        "blockchainbus --keystore",
      ]);
    });
  });

  describe("profile", function () {
    it("is described by its schema", function () {
      const validate = new Ajv2020({ strict: false }).compile(PROFILE_SCHEMA);
      const good: readonly object[] = [
        {},
        { rpc: "http://a" },
        { rpc: ["http://a", "http://b"], addresses: "a.json", cloud: 1, keystore: "k", journal: "j", maxHeadAgeMs: 1 },
        { salt: id("salt") },
      ];
      const bad: readonly unknown[] = [
        [],
        { rpc: "" },
        { rpc: [] },
        { rpc: [1] },
        { addresses: 1 },
        { cloud: 0 },
        { cloud: "1" },
        { keystore: "" },
        { salt: "0x12" },
        { maxHeadAgeMs: 0.5 },
        { other: 1 },
      ];
      for (const profile of good) {
        expect(validate(profile), JSON.stringify(profile)).to.equal(true);
        expect(() => parseProfile(profile, "/etc")).to.not.throw();
      }
      for (const profile of bad) {
        expect(validate(profile), JSON.stringify(profile)).to.equal(false);
        expect(() => parseProfile(profile, "/etc"), JSON.stringify(profile)).to.throw(BusError);
      }
    });

    it("has its paths from its own folder", function () {
      expect(parseProfile({ addresses: "a.json", keystore: "/k.json" }, "/etc/bus")).to.include({
        addresses: "/etc/bus/a.json",
        keystore: "/k.json",
        journal: "/etc/bus/blockchainbus-journal.jsonl",
      });
    });
  });

  describe("values", function () {
    it("are read in the units in which people say them", function () {
      expect(parseDuration("x", "90s")).to.equal(90_000n);
      expect(parseTime("x", "2026-01-05T12:00")).to.equal(BigInt(Date.UTC(2026, 0, 5, 12)));
      expect(parseTime("x", "2026-01-05T12:00+01:00")).to.equal(BigInt(Date.UTC(2026, 0, 5, 11)));
      expect(parseTime("x", "+2h", 5n)).to.equal(7_200_005n);
      expect(() => parseTime("x", "+2h")).to.throw(BusError, "no date");
      expect(parseFeatures("x", "0,130")).to.equal(1n | (1n << 130n));
      expect(parseResources({ vcpu: "0.5", memory: "0.5" })).to.include({ vcpuMilli: 500, memoryMiB: 512 });
      expect(() => parseResources({ vcpu: "-1" })).to.throw(BusError, "--vcpu: -1");
    });
  });

  describe("progress", function () {
    it("is shown on a terminal only", async function () {
      const { operator } = await standing();
      const argv = ["vm", "register", "web-1", "--vcpu", "1", "--yes"];

      const terminal = await operator.at({ isTty: true }, ...argv);
      const script = await operator.run(...argv.map((word) => (word === "web-1" ? "web-2" : word)));

      expect(terminal.stderr).to.include("waiting for the transaction's block ...\r");
      expect(script.stderr).to.not.include("waiting");
    });
  });
});
