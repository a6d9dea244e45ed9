import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";
import { FunctionFragment } from "ethers";

import { CONTRACT_NAMES } from "../../../src/chain/addressBook.js";
import * as library from "../../../src/index.js";
import { ACTIONS } from "../../../src/gateway/actions.js";
import { OPEN_API } from "../../../src/gateway/openApi.js";
import { OPERATIONS } from "../../../src/gateway/operations.js";
import { QUESTIONS } from "../../../src/gateway/questions.js";
import { CONTRACT_INTERFACES } from "../../../src/event-index/abi.js";
import { asJson } from "../../../scripts/generated/file.js";
import { COMPOSED_BODIES } from "../../fixtures/composedActions.js";
import { type Node, documentedOperations } from "../../fixtures/openApi.js";

/** What the folders of actions export besides actions. */
const HELPERS = ["openingOf"];

/** The governor's own, and what OpenZeppelin's has besides: see docs/access.md. */
const NOT_FOR_GATEWAYS = [
  "cancelByVote",
  "castVoteWithReason",
  "castVoteWithReasonAndParams",
  "onERC1155BatchReceived",
  "onERC1155Received",
  "onERC721Received",
  "relay",
  "setParameters",
].map((name) => `FederationGovernor.${name}`);

/** Actions of which the library puts some of the contract's arguments together: `composed.test.ts` says what is sent. */
const COMPOSED = Object.keys(COMPOSED_BODIES);

/** Functions that the files of a folder of actions export, by way of the library's index. */
async function exportedFrom(folder: string): Promise<string[]> {
  const index = readFileSync("src/index.ts", "utf8");
  const paths = [...index.matchAll(/from "\.\/(.*)\.js"/g)].map((match) => match[1] ?? "");
  const modules = await Promise.all(
    paths
      .filter((path) => path.startsWith(folder))
      .map(async (path) => (await import(join(process.cwd(), "src", `${path}.ts`))) as object),
  );
  return modules.flatMap((module) =>
    Object.entries(module).flatMap(([name, value]) => (typeof value === "function" ? [name] : [])),
  );
}

describe("the API", function () {
  it("reaches every action of the library that sends, whatever folder it stands in, and none else", async function () {
    const folders = readdirSync("src/actions").filter((folder) => folder !== "questions");
    const names = (await Promise.all(folders.map((folder) => exportedFrom(`actions/${folder}/`))))
      .flat()
      .filter((name) => !HELPERS.includes(name));
    expect(folders).to.include.members(["charging", "governance", "ledger", "oracle", "reputation"]);
    expect(ACTIONS.map(({ name }) => name)).to.have.members(names);
    expect(Object.keys(OPEN_API.paths)).to.include.members(names.map((name) => `/v1/actions/${name}`));
    expect(library).to.include.keys([...ACTIONS, ...QUESTIONS].map(({ name }) => name));
  });

  it("calls every function of the contracts that changes state and is not the machinery's", function () {
    const called = new Set(ACTIONS.map(({ contract, calls }) => `${contract}.${calls}`));
    const missing = CONTRACT_NAMES.filter((contract) => contract !== "AccessManager").flatMap((contract) =>
      CONTRACT_INTERFACES[contract].fragments.flatMap((fragment) => {
        if (!(fragment instanceof FunctionFragment) || fragment.constant) return [];
        const name = `${contract}.${fragment.name}`;
        return called.has(name) || fragment.name === "setAuthority" ? [] : [name];
      }),
    );
    expect(missing).to.have.members(NOT_FOR_GATEWAYS);
  });

  it("reaches every question of the library", async function () {
    const names = [...(await exportedFrom("actions/questions")), "matchHosts"];
    expect(QUESTIONS.map(({ name }) => name)).to.have.members(names);
    expect(Object.keys(OPEN_API.paths)).to.include.members(names.map((name) => `/v1/questions/${name}`));
  });

  it("passes an action's parameters on in the order of the contract's", async function () {
    for (const { name, contract, calls, params, run } of ACTIONS) {
      const fields = Object.keys(params.properties as object);
      const fragment = CONTRACT_INTERFACES[contract].getFunction(calls);
      expect(fragment, name).to.not.equal(null);
      if (!COMPOSED.includes(name)) expect(fragment?.inputs.length, name).to.equal(fields.length);
      // Nothing is sent: it is only seen which fields are taken, and in which order.
      const given: unknown[] = [];
      const spied = new Proxy(
        {},
        {
          get: (_, field) => {
            given.push(field);
            return "";
          },
        },
      );
      try {
        await run({} as never, spied, {});
      } catch {
        // The fields were asked for before.
      }
      expect(given, name).to.deep.equal(fields);
    }
  });

  it("has one operation for each path and id", function () {
    expect(new Set(OPERATIONS.map(({ id }) => id)).size).to.equal(OPERATIONS.length);
    expect(documentedOperations()).to.have.length(OPERATIONS.length);
  });

  it("has all integers of more than 32 bits as strings", function () {
    const found: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      const { type, maximum } = node as Node;
      if (type === "integer" && typeof maximum === "number" && maximum > Number.MAX_SAFE_INTEGER) found.push(path);
      for (const [name, part] of Object.entries(node)) walk(part, `${path}/${name}`);
    };
    walk(OPEN_API, "");
    expect(found).to.deep.equal([]);
    const schemas = OPEN_API.components.schemas as { readonly [name: string]: Node };
    const { properties } = schemas.Agreement as { readonly properties: { readonly [name: string]: Node } };
    expect(properties.agreeBy).to.deep.include({ type: "string", format: "uint64" });
    expect(properties.home).to.deep.include({ type: "integer" });
  });

  it("is committed as it is", function () {
    expect(readFileSync("schema/openapi.json", "utf8")).to.equal(asJson(OPEN_API));
  });

  it("refers to nothing that is not there", function () {
    const text = JSON.stringify(OPEN_API);
    for (const [, pointer] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = (pointer ?? "").split("/").reduce<unknown>((at, part) => (at as Node)[part], OPEN_API);
      expect(target, pointer).to.be.an("object");
    }
  });
});
