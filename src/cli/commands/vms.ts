import type { Command } from "commander";

import { contestLoss } from "../../actions/ledger/contestLoss.js";
import { declareLost } from "../../actions/ledger/declareLost.js";
import { expire } from "../../actions/ledger/expire.js";
import { giveNotice } from "../../actions/ledger/giveNotice.js";
import { register } from "../../actions/ledger/register.js";
import { release } from "../../actions/ledger/release.js";
import { releaseFromMove } from "../../actions/ledger/releaseFromMove.js";
import { restore } from "../../actions/ledger/restore.js";
import { stop } from "../../actions/ledger/stop.js";
import { stopFromMove } from "../../actions/ledger/stopFromMove.js";
import { terminate } from "../../actions/ledger/terminate.js";
import { withdrawLoss } from "../../actions/ledger/withdrawLoss.js";
import { type VmFacts, vmOf } from "../../actions/questions/vmOf.js";
import { ask } from "../../chain/ask.js";
import { VmState, nameOf } from "../../chain/enums.js";
import type { Federation } from "../../chain/federation.js";
import { type Sent, eventOf } from "../../chain/send.js";
import { type Labels, formatTime, labelOf } from "../../exports/format.js";
import { type Runner, act, withResources } from "../command.js";
import { type Answer, table } from "../output.js";
import { type Session, cloudText, sentFacts, sentLine } from "../session.js";
import { openMoveOf } from "../signers.js";
import { type ResourceOptions, formatResources, mistake, parseResources, parseTime } from "../values.js";
import { localIdOf } from "../vmNames.js";
import { addChanges } from "./changes.js";

/** Registered VMs: what they are, and what their home or host does with one. */

/* READING */

function vmFacts(vm: string, found: VmFacts, labels: Labels) {
  const { home, host, site, nonce, sequence, state, resources } = found;
  return {
    vm,
    home,
    homeLabel: labelOf(labels, home),
    host,
    hostLabel: host === 0 ? null : labelOf(labels, host),
    site,
    state: nameOf(VmState, state),
    nonce,
    sequence,
    resources,
  };
}

interface ListOptions {
  readonly home?: string;
  readonly host?: string;
}

async function idsOf({ ledger }: Federation, home: number | undefined): Promise<string[]> {
  const [registered, adopted] = await Promise.all([
    ask(ledger.queryFilter(ledger.filters.VmRegistered(undefined, home))),
    ask(ledger.queryFilter(ledger.filters.VmAdopted(undefined, home))),
  ]);
  return [...registered, ...adopted].map(({ args }) => args.vm);
}

async function listVms(session: Session, _args: readonly string[], options: ListOptions): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const cloud = async (name: string, text: string | undefined) =>
    text === undefined ? undefined : session.cloudNamed(name, text);
  const [home, host] = [await cloud("--home", options.home), await cloud("--host", options.host)];
  const all = await Promise.all(
    (await idsOf(federation, home)).map(async (vm) => vmFacts(vm, await vmOf(federation, vm), labels)),
  );
  const vms = all.filter((found) => host === undefined || found.host === host);
  const rows = vms.map((found) => [
    found.vm,
    found.homeLabel,
    cloudText(labels, found.host),
    String(found.site),
    found.state,
    String(found.sequence),
    formatResources(found.resources),
  ]);
  return { facts: { vms }, lines: table(["vm", "home", "host", "site", "state", "stay", "resources"], rows) };
}

async function showVm(session: Session, [text = ""]: readonly string[]): Promise<Answer> {
  const [federation, labels] = await Promise.all([session.federation(), session.labels()]);
  const vm = await session.vmNamed(text);
  const facts = vmFacts(vm, await vmOf(federation, vm), labels);
  const lines = [
    vm,
    `state      ${facts.state}`,
    `home       ${facts.homeLabel}`,
    `host       ${cloudText(labels, facts.host)}, site ${facts.site}, stay ${facts.sequence}`,
    `resources  ${formatResources(facts.resources)}`,
    `nonce      ${facts.nonce}`,
  ];
  return { facts, lines };
}

async function idOfName(session: Session, [name = ""]: readonly string[]): Promise<Answer> {
  const vm = await session.vmNamed(name);
  return { facts: { name, vm }, lines: [vm] };
}

/* ACTING */

async function registerVm(session: Session, [name = ""]: readonly string[], options: ResourceOptions): Promise<Answer> {
  const [cloud, labels, { salt }] = await Promise.all([session.cloud(), session.labels(), session.profile()]);
  const localId = localIdOf(salt ?? mistake("the profile has no salt for names"), name);
  const resources = parseResources(options);
  const lines = [`Register ${name} at its home ${labelOf(labels, cloud)}: ${formatResources(resources)}.`];
  const sent = await session.send(lines, (sender) => register(sender, cloud, localId, resources));
  const vm = String(eventOf(sent, "VmRegistered").args.vm);
  return { facts: { name, vm, localId, ...sentFacts(sent) }, lines: [vm, sentLine(sent)] };
}

type Act = (sender: Federation, vm: string) => Promise<Sent>;

/** Sends something about one VM, after saying what. */
function onVm(say: string, work: Act) {
  return async (session: Session, [text = ""]: readonly string[]): Promise<Answer> => {
    const vm = await session.vmNamed(text);
    const sent = await session.send([`${say}: ${vm}`], (sender) => work(sender, vm));
    return { facts: { vm, ...sentFacts(sent) }, lines: [sentLine(sent)] };
  };
}

/** While a move of the VM is open its document is needed as well. */
function withOrWithoutMove(without: Act, within: (sender: Federation, vm: string) => Promise<Sent>): Act {
  return async (sender, vm) => {
    const { state } = await vmOf(sender, vm);
    return state === VmState.Agreed ? within(sender, vm) : without(sender, vm);
  };
}

interface NoticeOptions {
  readonly until?: string;
}

async function giveNoticeOf(session: Session, names: readonly string[], options: NoticeOptions): Promise<Answer> {
  const head = await session.head();
  const vms = await Promise.all(names.map((name) => session.vmNamed(name)));
  const until = parseTime("--until", options.until ?? mistake("--until is missing"), head.timeMs);
  const lines = [`Give notice until ${formatTime(until)} for:`, ...vms.map((vm) => `  ${vm}`)];
  const sent = await session.send(lines, (sender) => giveNotice(sender, vms, until));
  return { facts: { vms, until: formatTime(until), ...sentFacts(sent) }, lines: [sentLine(sent)] };
}

/** Commands about one VM, by name: what they are for, what is said before they are sent, and what they do. */
const ACTS: readonly (readonly [name: string, description: string, say: string, work: Act])[] = [
  [
    "release",
    "the host ends the stay of a VM after its notice is due",
    "End the stay",
    withOrWithoutMove(release, async (sender, vm) => releaseFromMove(sender, vm, (await openMoveOf(sender, vm)).move)),
  ],
  [
    "stop",
    "the home ends the stay of its VM at another cloud",
    "Stop",
    withOrWithoutMove(stop, async (sender, vm) => stopFromMove(sender, vm, (await openMoveOf(sender, vm)).move)),
  ],
  ["restore", "the home runs its stopped VM again", "Run again at home", restore],
  ["terminate", "the home's account ends its VM for good", "End for good", terminate],
  ["declare-lost", "the home says that the host of its VM is gone", "Declare lost", declareLost],
  ["contest-loss", "the host says that it is not gone", "Contest the loss", contestLoss],
  ["withdraw-loss", "the home takes its declaration back", "Withdraw the loss", withdrawLoss],
  [
    "expire",
    "ends the open move of a VM whose deadline has passed; anybody may",
    "Expire the move",
    async (sender, vm) => expire(sender, (await openMoveOf(sender, vm)).move),
  ],
];

/** Adds `vm`. */
export function addVms(program: Command, run: Runner): void {
  const vm = program.command("vm").helpCommand(false).description("registered VMs");
  act(
    vm
      .command("list")
      .description("registered VMs")
      .option("--home <cloud>", "only those of this home")
      .option("--host <cloud>", "only those that this cloud hosts"),
    run,
    "vm list --host aurora",
    listVms,
  );
  act(
    vm.command("show").description("one VM as it stands").argument("<vm>", "id, or own name"),
    run,
    "vm show web-3",
    showVm,
  );
  act(
    vm.command("id").description("the id of a VM with an own name").argument("<name>", "own name"),
    run,
    "vm id web-3",
    idOfName,
  );
  act(
    withResources(
      vm
        .command("register")
        .description("registers a VM at its home, under the hash of the profile's salt and its name")
        .argument("<name>", "own name; it never leaves this machine"),
    ),
    run,
    "vm register web-3 --vcpu 2 --memory 4 --storage 40",
    registerVm,
  );
  act(
    vm
      .command("notice")
      .description("the host wants VMs gone by a time")
      .argument("<vm...>", "ids, or own names")
      .option("--until <time>", "when they must be gone: ISO 8601, or as +7d"),
    run,
    "vm notice 0x5c… --until +7d",
    giveNoticeOf,
  );
  for (const [name, description, say, work] of ACTS) {
    act(
      vm.command(name).description(description).argument("<vm>", "id, or own name"),
      run,
      `vm ${name} web-3`,
      onVm(say, work),
    );
  }
  addChanges(vm, run);
}
