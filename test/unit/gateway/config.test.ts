import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { encryptKeystoreJson } from "ethers";

import { CONTRACT_NAMES } from "../../../src/chain/addressBook.js";
import { BusError } from "../../../src/errors/busError.js";
import { readGatewayConfig } from "../../../src/gateway/config.js";
import { readKeyFile } from "../../../src/gateway/keyFile.js";
import { seededKey } from "../../fixtures/gateway.js";

const BOOK = {
  chainId: "1337",
  genesisHash: `0x${"12".repeat(32)}`,
  contracts: Object.fromEntries(CONTRACT_NAMES.map((name, index) => [name, `0x${String(index + 11).repeat(20)}`])),
};

const CONFIG = {
  nodes: [{ http: "http://127.0.0.1:8545" }],
  addressBook: "federation.json",
  uri: "https://cloud-1.example",
  cloud: 1,
  key: { file: "key" },
  data: "data",
};

const key = seededKey("key in a file");

async function failureOf(work: Promise<unknown>): Promise<BusError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof BusError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

describe("files of a gateway", function () {
  let folder: string;
  const at = (name: string): string => join(folder, name);

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "gateway-"));
    await writeFile(at("federation.json"), JSON.stringify(BOOK));
  });

  after(async function () {
    await rm(folder, { recursive: true });
  });

  describe("readGatewayConfig", function () {
    const read = async (config: unknown) => {
      await writeFile(at("gateway.json"), typeof config === "string" ? config : JSON.stringify(config));
      return readGatewayConfig(at("gateway.json"));
    };

    it("fills in what is left out, and takes paths from the file's folder", async function () {
      expect(await read(CONFIG)).to.deep.include({
        listen: { host: "127.0.0.1", port: 8_080 },
        key: { file: at("key") },
        data: at("data"),
        tokenMinutes: 15,
        pollMs: 200,
        trustProxy: false,
      });
      expect((await read(CONFIG)).addressBook.chainId).to.equal("1337");
    });

    it("refuses with place and value, in one line", async function () {
      for (const [config, message] of [
        ["{", /gateway\.json: not JSON$/],
        [{ ...CONFIG, uri: undefined }, /\/uri is missing$/],
        [{ ...CONFIG, port: 1 }, /\/port is not known$/],
        [{ ...CONFIG, cloud: 0 }, /\/cloud: 0 must be >= 1$/],
        [{ ...CONFIG, uri: "cloud-1.example" }, /\/uri: "cloud-1\.example" must match pattern/],
        [{ ...CONFIG, uri: "https://" }, /\/uri: "https:\/\/" is no URI$/],
        [{ ...CONFIG, tokenMinutes: 61 }, /\/tokenMinutes: 61 must be <= 60$/],
        [{ ...CONFIG, addressBook: "nowhere.json" }, /nowhere\.json cannot be read$/],
      ] as const) {
        const failure = await failureOf(read(config));
        expect(failure.code).to.equal("BAD_CONFIG");
        expect(failure.message).to.match(message).and.not.include("\n");
      }
      expect((await failureOf(readGatewayConfig(at("none.json")))).code).to.equal("BAD_CONFIG");
    });
  });

  describe("readKeyFile", function () {
    const write = async (name: string, content: string, mode: number): Promise<string> => {
      await writeFile(at(name), content);
      await chmod(at(name), mode);
      return at(name);
    };

    it("reads a key in hex, with or without 0x", async function () {
      for (const content of [key.privateKey, `${key.privateKey.slice(2)}\n`]) {
        const file = await write("key", content, 0o600);
        expect((await readKeyFile(file, undefined)).address).to.equal(key.address);
      }
      expect((await readKeyFile(await write("key", key.privateKey, 0o400), undefined)).address).to.equal(key.address);
    });

    it("KEY_FILE_MODE: refuses a file that others can use", async function () {
      for (const mode of [0o640, 0o604, 0o644, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777]) {
        const failure = await failureOf(readKeyFile(await write("key", key.privateKey, mode), undefined));
        expect(failure.code, mode.toString(8)).to.equal("KEY_FILE_MODE");
        expect(failure.message).to.include(mode.toString(8));
      }
    });

    it("reads an encrypted keystore with the password of another file, which others cannot read either", async function () {
      const keystore = await encryptKeystoreJson(key, "secret", { scrypt: { N: 2, r: 8, p: 1 } });
      const file = await write("keystore", keystore, 0o600);
      const password = await write("password", "secret\n", 0o600);
      expect((await readKeyFile(file, password)).privateKey).to.equal(key.privateKey);

      expect((await failureOf(readKeyFile(file, undefined))).message).to.match(/^\/key\/passwordFile: /);
      const wrong = await write("wrong", "guess", 0o600);
      expect((await failureOf(readKeyFile(file, wrong))).code).to.equal("BAD_CONFIG");
      await chmod(password, 0o644);
      expect((await failureOf(readKeyFile(file, password))).code).to.equal("KEY_FILE_MODE");
    });

    it("refuses what is no key, without telling what is in the file", async function () {
      const failure = await failureOf(readKeyFile(await write("key", "0x1234secret", 0o600), undefined));
      expect(failure.code).to.equal("BAD_CONFIG");
      expect(failure.message).to.not.include("secret");
      expect((await failureOf(readKeyFile(at("none"), undefined))).code).to.equal("BAD_CONFIG");
      expect((await failureOf(readKeyFile(folder, undefined))).code).to.be.oneOf(["BAD_CONFIG", "KEY_FILE_MODE"]);
    });
  });
});
