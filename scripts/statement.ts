/** What a cloud owes and is owed: the command `statement` of the command line. */
import { nodeIo } from "../src/cli/nodeIo.js";
import { runCommand } from "../src/cli/program.js";

process.exitCode = await runCommand(["statement", ...process.argv.slice(2)], nodeIo());
