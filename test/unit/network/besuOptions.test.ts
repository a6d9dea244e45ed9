import { expect } from "chai";

import { type BesuOption, besuOptions, commandLine, configToml } from "../../../network/nodes/besuOptions.js";

const PLACE = { folder: "/var/lib/besu", host: "192.0.2.1", p2pPort: 30303, rpcPort: 8545, wsPort: 8645 };
const SETTINGS = { blockGasLimit: 30_000_000, blockPeriodSeconds: 1, hasAllowLists: true };

/** Options of a TOML file whose values are strings, numbers, booleans and lists of strings. */
function readToml(text: string): BesuOption[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name = "", ...rest] = line.split("=");
      return [name, JSON.parse(rest.join("=")) as BesuOption[1]];
    });
}

describe("options of a node", function () {
  it("are the same in the configuration file and on the command line", function () {
    const options = besuOptions(PLACE, SETTINGS);
    expect(readToml(configToml(options))).to.deep.equal(options);
    const names = commandLine(options).map((argument) => argument.slice(2).split("=")[0]);
    expect(names).to.deep.equal(["profile", ...options.map(([name]) => name)]);
  });

  it("are those with which a network of Besu 26.8.0 was run", function () {
    expect(
      commandLine(besuOptions({ ...PLACE, host: "127.0.0.1" }, { ...SETTINGS, hasAllowLists: false })),
    ).to.deep.equal([
      "--profile=ENTERPRISE",
      "--data-path=/var/lib/besu/data",
      "--genesis-file=/var/lib/besu/genesis.json",
      "--node-private-key-file=/var/lib/besu/key",
      "--p2p-host=127.0.0.1",
      "--p2p-interface=127.0.0.1",
      "--p2p-port=30303",
      "--nat-method=NONE",
      "--discovery-enabled=false",
      "--static-nodes-file=/var/lib/besu/static-nodes.json",
      "--Xp2p-initiate-connections-frequency=1",
      "--Xp2p-check-maintained-connections-frequency=1",
      "--rpc-http-enabled",
      "--rpc-http-host=127.0.0.1",
      "--rpc-http-port=8545",
      "--rpc-http-api=ETH,NET,WEB3,QBFT,DEBUG,TXPOOL,ADMIN",
      "--rpc-ws-enabled",
      "--rpc-ws-host=127.0.0.1",
      "--rpc-ws-port=8645",
      "--rpc-ws-api=ETH,NET,WEB3,QBFT",
      "--host-allowlist=*",
      "--revert-reason-enabled=true",
      "--target-gas-limit=30000000",
      "--tx-pool-limit-by-account-percentage=1",
      "--rpc-tx-feecap=0",
      "--Xpos-slot-duration=1",
      "--Xplugins-external-enabled=false",
      "--logging=WARN",
    ]);
  });

  it("listen for peers everywhere on a machine of its own, for requests on loopback only", function () {
    const args = commandLine(besuOptions(PLACE, SETTINGS));
    expect(args).to.include.members([
      "--p2p-interface=0.0.0.0",
      "--rpc-http-host=127.0.0.1",
      "--rpc-ws-host=127.0.0.1",
    ]);
  });

  it("keep both lists in one file, and open the API that changes them", function () {
    const args = commandLine(besuOptions(PLACE, SETTINGS));
    expect(args.slice(-4)).to.deep.equal([
      "--permissions-nodes-config-file-enabled",
      "--permissions-nodes-config-file=/var/lib/besu/allow-lists.toml",
      "--permissions-accounts-config-file-enabled",
      "--permissions-accounts-config-file=/var/lib/besu/allow-lists.toml",
    ]);
    expect(args).to.include("--rpc-http-api=ETH,NET,WEB3,QBFT,DEBUG,TXPOOL,ADMIN,PERM");
  });
});
