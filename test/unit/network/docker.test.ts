import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

import { findRunner } from "../../../network/local/besu.js";
import {
  type LocalNetwork,
  runningNodes,
  startNodes,
  stopNodes,
  writeCompose,
} from "../../../network/local/network.js";
import { besuOptions, commandLine } from "../../../network/nodes/besuOptions.js";
import { composeYaml } from "../../../network/nodes/compose.js";
import { freePorts } from "../../fixtures/ports.js";

const FAKE = fileURLToPath(new URL("../../fixtures/fake-docker", import.meta.url));
const SETTINGS = { blockGasLimit: 30_000_000, blockPeriodSeconds: 1, hasAllowLists: true };

describe("nodes in containers, with a fake docker (they say nothing about Docker)", function () {
  let folder: string;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), "docker-"));
    await symlink(FAKE, join(folder, "docker"));
    process.env.FAKE_DOCKER_LOG = join(folder, "log");
  });

  after(async function () {
    for (const name of ["FAKE_DOCKER_LOG", "FAKE_DOCKER_RUNNING"]) Reflect.deleteProperty(process.env, name);
    await rm(folder, { recursive: true });
  });

  const commands = async (): Promise<string[]> =>
    (await readFile(join(folder, "log"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { readonly args: readonly string[] }).args.join(" "));
  const networkOf = async (): Promise<LocalNetwork> => {
    const [rpcPort, wsPort, p2pPort] = [await freePorts(2), await freePorts(2), await freePorts(2)];
    return {
      runner: { kind: "docker", program: FAKE },
      settings: SETTINGS,
      nodes: ["aurora", "borealis"].map((label, i) => ({
        label,
        cloud: i + 1,
        validator: `0x${`0${i + 1}`.repeat(20)}`,
        host: "127.0.0.1",
        p2pPort: p2pPort + i,
        rpcPort: rpcPort + i,
        wsPort: wsPort + i,
      })),
    };
  };

  it("are a service each, with the command line of a process, files inside", function () {
    const places = [1, 2].map((i) => ({ folder: ".", host: "127.0.0.1", p2pPort: i, rpcPort: i + 2, wsPort: i + 4 }));
    const yaml = composeYaml(["aurora", "borealis"], places, SETTINGS);
    const services = yaml.split(/^ {2}(?=\S)/m).slice(1);

    expect(services.map((service) => service.split(":")[0])).to.deep.equal(["aurora", "borealis"]);
    services.forEach((service, i) => {
      const command = service.slice(service.indexOf("    command:\n"));
      const args = [...command.matchAll(/^ {6}- (".*")$/gm)].map(([, text]) => JSON.parse(text ?? "") as string);
      expect(args).to.deep.equal(commandLine(besuOptions({ ...places[i]!, folder: "/var/lib/besu" }, SETTINGS)));
      expect(service).to.include("hyperledger/besu:26.8.0").and.to.include("network_mode: host");
      expect(service).to.include(`"./nodes/${i === 0 ? "aurora" : "borealis"}:/var/lib/besu"`);
    });
  });

  it("are used where there is no Besu, if Docker and its daemon answer", function () {
    const env = {
      PATH: `${folder}:${join(process.execPath, "..")}:/usr/bin:/bin`,
      FAKE_DOCKER_LOG: join(folder, "log"),
    };
    expect(findRunner(env)).to.deep.equal({ kind: "docker", program: join(folder, "docker") });
    expect(() => findRunner({ ...env, FAKE_DOCKER_DOWN: "yes" })).to.throw("needed: Besu 26.6.1 or newer");
  });

  it("are started, found and stopped by their labels", async function () {
    const network = await networkOf();
    await writeCompose(folder, network);
    process.env.FAKE_DOCKER_RUNNING = "aurora";

    await startNodes(folder, network, ["aurora", "borealis"]);
    expect(runningNodes(folder, network)).to.deep.equal(new Set(["aurora"]));
    await stopNodes(folder, network, ["aurora"]);
    const [start, ps, stop] = (await commands()).slice(-3);
    const common = `compose --project-directory ${folder} --file ${join(folder, "compose.yaml")}`;
    expect(start).to.equal(`${common} up --detach aurora borealis`);
    expect(ps).to.equal(`${common} ps --services --status running`);
    expect(stop).to.equal(`${common} stop aurora`);
  });

  it("that cannot be started are told with Docker's own words", async function () {
    const broken = join(folder, "broken");
    await writeFile(broken, "#!/bin/sh\necho 'no such image' >&2\nexit 1\n");
    await chmod(broken, 0o755);
    const network: LocalNetwork = { ...(await networkOf()), runner: { kind: "docker", program: broken } };
    const thrown: unknown = await startNodes(folder, network, ["aurora"]).catch((reason: unknown) => reason);
    expect(String(thrown)).to.include("docker compose up --detach aurora fails: no such image");
  });
});
