/** Fails when a line of contracts/ was not run in the coverage that `hardhat test --coverage` has just written. */
import { readFileSync } from "node:fs";

const LCOV = "coverage/lcov.info";

/** The lines of one source that were not run. */
interface Gap {
  readonly source: string;
  readonly lines: readonly string[];
}

const gaps: Gap[] = readFileSync(LCOV, "utf8")
  .split("end_of_record")
  .map((record) => ({
    source: /^SF:(.*)$/m.exec(record)?.[1] ?? "",
    lines: [...record.matchAll(/^DA:(\d+),0$/gm)].map(([, line = ""]) => line),
  }))
  .filter(({ source, lines }) => source.startsWith("contracts/") && lines.length > 0);

for (const { source, lines } of gaps) console.error(`${source}: lines ${lines.join(", ")} are not tested`);
console.log(gaps.length === 0 ? "Every line of contracts/ is tested" : `${gaps.length} sources have untested lines`);
process.exitCode = gaps.length === 0 ? 0 : 1;
