import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { BusError } from "../../../src/index.js";
import { DEFAULT_RULES, measure } from "../../../src/oracle/measure/measure.js";
import { parseSampleFile, sampleFileSource } from "../../../src/oracle/sources/sampleFile.js";
import { DEFAULT_TRACE_COLUMNS, traceFileSource } from "../../../src/oracle/sources/traceFile.js";
import { smallTrace } from "../../fixtures/scenarios.js";

const REAL = process.env.BITBRAINS_TRACE ?? "../shared/data/bitbrains-vm.csv";
const VM = `0x${"ab".repeat(32)}`;
const OTHER = `0x${"cd".repeat(32)}`;
/** First line of the small trace. */
const BEGIN = 1_376_314_846_000;
const STEP_MS = 300_000;

describe("sources in files", function () {
  let folder: string;

  before(function () {
    folder = mkdtempSync(join(tmpdir(), "samples-"));
  });

  after(function () {
    rmSync(folder, { recursive: true });
  });

  const write = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const request = (fromMs: number, toMs: number, startedAtMs = fromMs) => ({
    vm: VM,
    sequence: 2,
    startedAtMs,
    window: { fromMs, toMs },
    labels: {},
  });
  const codeOf = async (work: () => unknown): Promise<string | undefined> => {
    try {
      await work();
      return undefined;
    } catch (thrown) {
      return thrown instanceof BusError ? thrown.code : String(thrown);
    }
  };

  describe("traceFileSource", function () {
    it("takes a line for an answer, and the network's columns for throughput", async function () {
      const path = write("trace.csv", smallTrace().replace("\t0;\t1;\t0;\t0", "\t0;\t1;\t1.5;\t0.25"));
      const source = traceFileSource({ path, stepMs: STEP_MS, columns: DEFAULT_TRACE_COLUMNS, startsAt: "trace" });

      const series = await source.read(request(BEGIN, BEGIN + 2 * STEP_MS));

      expect(source.lanes).to.deep.equal(["availabilityPpm", "throughputKbps"]);
      expect(series.get("availabilityPpm")).to.deep.equal([
        { timeMs: BEGIN, value: 1_000_000_000n },
        { timeMs: BEGIN + STEP_MS, value: 1_000_000_000n },
      ]);
      expect(series.get("throughputKbps")?.map(({ value }) => value)).to.deep.equal([14_000n, 0n]);
    });

    it("begins with the stay where it is told to", async function () {
      const path = write("shifted.csv", smallTrace());
      const columns = { cpuReadyPpm: { sum: ["CPU usage [%]"], scale: "10000" } };
      const source = traceFileSource({ path, stepMs: STEP_MS, columns, startsAt: "stay" });
      const start = 1_767_225_600_000;

      const series = await source.read(request(start + 10 * STEP_MS, start + 11 * STEP_MS, start));

      expect(series.get("cpuReadyPpm")).to.deep.equal([{ timeMs: start + 10 * STEP_MS, value: 800_000_000n }]);
    });

    it("says what is wrong with the file", async function () {
      const options = { stepMs: STEP_MS, columns: DEFAULT_TRACE_COLUMNS, startsAt: "trace" } as const;
      const read = (path: string) => () => traceFileSource({ path, ...options }).read(request(BEGIN, BEGIN + 1));

      expect(await codeOf(read(join(folder, "missing.csv")))).to.equal("SOURCE_UNREACHABLE");
      expect(await codeOf(read(write("bad.csv", "a;b\n1;2\n")))).to.equal("BAD_TRACE");
      expect(
        await codeOf(read(write("hex.csv", smallTrace().replace("\t0;\t1;\t0;\t0", "\t0;\t1;\t0x10;\t0")))),
      ).to.equal("BAD_TRACE");
    });

    it(`measures a real trace${existsSync(REAL) ? "" : `: skipped, there is no ${REAL}`}`, async function () {
      if (!existsSync(REAL)) this.skip();
      const columns = DEFAULT_TRACE_COLUMNS;
      const source = traceFileSource({ path: REAL, stepMs: STEP_MS, columns, startsAt: "trace" });
      const day = { fromMs: BEGIN, toMs: BEGIN + 86_400_000 };
      const rules = {
        ...DEFAULT_RULES,
        throughputKbps: { aggregate: { percentileBp: 9_900 }, mostMissingPpm: 0 },
      } as const;

      const { metrics, samples } = measure(await source.read(request(day.fromMs, day.toMs)), day, STEP_MS, rules);

      // Computed from the file by other means: 288 lines in the day, the 286th of the sorted sums of two columns.
      const lines = readFileSync(REAL, "utf8").split("\n").slice(1, 289);
      const sums = lines.map((line) =>
        line
          .split(";")
          .slice(9, 11)
          .reduce((sum, cell) => sum + Number(cell), 0),
      );
      const rank = sums.sort((a, b) => a - b)[Math.ceil(0.99 * 288) - 1] ?? 0;
      expect(samples).to.have.length(2 * 288);
      expect(metrics.availabilityPpm).to.equal(1_000_000);
      expect(metrics.throughputKbps).to.be.within(Math.floor(rank * 8) - 1, Math.floor(rank * 8));
    });
  });

  describe("parseSampleFile", function () {
    const series = { vm: VM, metric: "lossPpm", samples: [[1, 2]] };
    const MISTAKES: readonly (readonly [string, unknown, RegExp])[] = [
      ["an unknown key", { stepMs: 1, series: [], colour: "red" }, /\/colour: unknown key/],
      ["no step", { series: [] }, /\/stepMs: missing/],
      ["a step of nothing", { stepMs: 0, series: [] }, /\/stepMs: 0/],
      ["an unknown metric", { stepMs: 1, series: [{ ...series, metric: "speed" }] }, /\/series\/0\/metric: "speed"/],
      ["a VM that is no id", { stepMs: 1, series: [{ ...series, vm: "web-3" }] }, /\/series\/0\/vm: "web-3"/],
      ["a sample without a value", { stepMs: 1, series: [{ ...series, samples: [[1]] }] }, /\/series\/0\/samples\/0/],
      ["a time with a fraction", { stepMs: 1, series: [{ ...series, samples: [[1.5, 1]] }] }, /samples\/0\/0: 1.5/],
      ["a negative value", { stepMs: 1, series: [{ ...series, samples: [[1, -1]] }] }, /samples\/0\/1: -1/],
      ["text that is no number", { stepMs: 1, series: [{ ...series, samples: [[1, "x"]] }] }, /samples\/0\/1: "x"/],
      [
        "a series twice",
        { stepMs: 1, series: [series, { ...series, vm: VM.replace("ab", "AB") }] },
        /\/series\/1: a second/,
      ],
    ];
    for (const [what, json, named] of MISTAKES) {
      it(`refuses ${what}`, function () {
        expect(() => parseSampleFile(JSON.stringify(json)))
          .to.throw(BusError, named)
          .with.property("code", "BAD_SAMPLE_FILE");
      });
    }

    it("refuses what is not JSON", function () {
      expect(() => parseSampleFile("{"))
        .to.throw(BusError)
        .with.property("code", "BAD_SAMPLE_FILE");
    });
  });

  describe("sampleFileSource", function () {
    const file = {
      stepMs: STEP_MS,
      series: [
        {
          vm: VM.toUpperCase().replace("0X", "0x"),
          metric: "networkLatencyUs",
          scale: "1000000",
          samples: [
            [5, "0.0015"],
            [9, 1e-6],
          ],
        },
        { vm: OTHER, metric: "lossPpm", samples: [[5, 1]] },
      ],
    };

    it("gives the VM's own series, scaled", async function () {
      const path = write("samples.json", JSON.stringify(file));

      const series = await sampleFileSource({ path, stepMs: STEP_MS }).read(request(0, 10));

      expect([...series]).to.deep.equal([
        [
          "networkLatencyUs",
          [
            { timeMs: 5, value: 1_500_000n },
            { timeMs: 9, value: 1_000n },
          ],
        ],
      ]);
    });

    it("says what is wrong with the file", async function () {
      const path = write("other.json", JSON.stringify(file));
      const read = (options: { path: string; stepMs: number }) => () => sampleFileSource(options).read(request(0, 10));

      expect(await codeOf(read({ path: join(folder, "missing.json"), stepMs: STEP_MS }))).to.equal(
        "SOURCE_UNREACHABLE",
      );
      expect(await codeOf(read({ path, stepMs: 1 }))).to.equal("BAD_SAMPLE_FILE");
    });

    it("takes in what a collector has added meanwhile", async function () {
      const path = write("growing.json", JSON.stringify({ ...file, series: [] }));
      const source = sampleFileSource({ path, stepMs: STEP_MS });
      expect((await source.read(request(0, 10))).size).to.equal(0);

      write("growing.json", JSON.stringify(file));

      expect((await source.read(request(0, 10))).size).to.equal(1);
    });
  });
});
