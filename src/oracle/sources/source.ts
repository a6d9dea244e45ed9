import type { MetricName } from "../../sla/metrics.js";
import type { Interval, Series } from "../measure/samples.js";

/** What is wanted of a source: the samples of one VM in one window. */
export interface SampleRequest {
  readonly vm: string;
  readonly sequence: number;
  /** Begin of the stay, in milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly window: Interval;
  /** What the operator's monitoring calls the VM: names and values of its own. */
  readonly labels: { readonly [name: string]: string };
}

/** Where raw samples come from. */
export interface SampleSource {
  /** How often it samples. */
  readonly stepMs: number;
  /** The metrics it can tell something about. */
  readonly lanes: readonly MetricName[];
  /**
   * The samples of a window, one series for each metric, empty where there are none. All of them, or an error.
   * @throws BusError `SOURCE_UNREACHABLE`, `SOURCE_TIMEOUT`, `SOURCE_DIED`, `SOURCE_NONSENSE`: another try may help.
   * @throws BusError `SOURCE_REFUSED`, `SERIES_AMBIGUOUS`, `UNKNOWN_LABEL`, `BAD_SAMPLE_FILE`, `BAD_TRACE`: somebody has to
   * mend something first.
   */
  read(request: SampleRequest): Promise<Series>;
}
