import { NoteReason } from "../chain/enums.js";
import { AMOUNT_UNIT } from "../charging/accrual.js";
import type { BookedStay, CreditLine, NoteLine } from "../charging/books.js";
import { stayKey } from "../charging/books.js";
import { monthOf, nextMonth } from "../charging/month.js";
import type { Statement, StayMonth } from "../charging/statement.js";
import { BusError } from "../errors/busError.js";
import { type Labels, formatAmount, formatSeconds, formatTime, labelOf, toCsv } from "./format.js";

/**
 * The columns of our FOCUS dataset: every mandatory one of FOCUS 1.2, the conditional and recommended ones that apply, and
 * custom ones, which begin with `x_`. Source: FinOps Foundation, FOCUS specification v1.2,
 * https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec/tree/v1.2/specification/columns.
 */
export const FOCUS_COLUMNS = [
  "BilledCost",
  "BillingAccountId",
  "BillingAccountName",
  "BillingCurrency",
  "BillingPeriodEnd",
  "BillingPeriodStart",
  "ChargeCategory",
  "ChargeClass",
  "ChargeDescription",
  "ChargeFrequency",
  "ChargePeriodEnd",
  "ChargePeriodStart",
  "ConsumedQuantity",
  "ConsumedUnit",
  "ContractedCost",
  "EffectiveCost",
  "InvoiceIssuerName",
  "ListCost",
  "PricingQuantity",
  "PricingUnit",
  "ProviderName",
  "PublisherName",
  "RegionId",
  "ResourceId",
  "ResourceName",
  "ResourceType",
  "ServiceCategory",
  "ServiceName",
  "ServiceSubcategory",
  "x_LineId",
  "x_StaySequence",
  "x_Window",
] as const;

/** Name of a column. */
export type FocusColumn = (typeof FOCUS_COLUMNS)[number];

/** One row; an empty text is null. */
export type FocusRow = { readonly [column in FocusColumn]: string };

/** Mandatory columns of FOCUS 1.2 that must not be null in any row. */
export const FOCUS_NOT_NULL = [
  "BilledCost",
  "BillingAccountId",
  "BillingCurrency",
  "BillingPeriodEnd",
  "BillingPeriodStart",
  "ChargeCategory",
  "ChargePeriodEnd",
  "ChargePeriodStart",
  "ContractedCost",
  "EffectiveCost",
  "InvoiceIssuerName",
  "ListCost",
  "ProviderName",
  "PublisherName",
  "ServiceCategory",
  "ServiceName",
] as const satisfies readonly FocusColumn[];

/** Mandatory columns of FOCUS 1.2 that may be null. */
export const FOCUS_NULLABLE = [
  "BillingAccountName",
  "ChargeClass",
  "ChargeDescription",
  "PricingQuantity",
  "PricingUnit",
] as const satisfies readonly FocusColumn[];

/**
 * What a statement's cloud was charged and charges others, as FOCUS 1.2 rows: one for each stay and month of use, others for
 * what was taken back of it, for each credit and for each note. The billing account is who pays, the provider who is paid;
 * costs of the cloud are the rows with its billing account, its revenue those with it as provider. Nettings and payments are
 * no charges and have no rows: all others add up to the statement's lines.
 * @throws BusError `BAD_EXPORT` if a row breaks a rule of the specification.
 */
export function focusRows(statement: Statement, labels: Labels): FocusRow[] {
  const rows = [
    ...statement.usage.flatMap((month) => usageRows(month, labels)),
    ...statement.lines.flatMap((line) => {
      if (line.kind === "credit") return [creditRow(line, statement, labels)];
      return line.kind === "note" && line.reason !== NoteReason.NETTING ? [noteRow(line, statement, labels)] : [];
    }),
  ];
  rows.forEach(requireFocus);
  return rows;
}

/** The rows as CSV with a header. */
export function focusCsv(statement: Statement, labels: Labels): string {
  const rows = focusRows(statement, labels);
  return toCsv(
    FOCUS_COLUMNS,
    rows.map((row) => FOCUS_COLUMNS.map((column) => row[column])),
  );
}

/**
 * Checks a row by the rules of FOCUS 1.2 for the columns that we fill.
 * @throws BusError `BAD_EXPORT` with row and column.
 */
export function requireFocus(row: FocusRow, index: number): void {
  const refuse = (column: FocusColumn, wanted: string): never => {
    throw new BusError("BAD_EXPORT", `FOCUS row ${index}, ${column}: ${JSON.stringify(row[column])} is not ${wanted}`);
  };
  for (const column of [...FOCUS_NOT_NULL, ...FOCUS_NULLABLE]) {
    if (typeof row[column] !== "string") refuse(column, "there, which it must be");
  }
  for (const column of FOCUS_NOT_NULL) if (row[column] === "") refuse(column, "given");
  for (const column of ["BilledCost", "ContractedCost", "EffectiveCost", "ListCost"] as const) {
    if (!/^-?\d+(\.\d+)?$/.test(row[column])) refuse(column, "a decimal");
  }
  if (!["", "Correction"].includes(row.ChargeClass)) refuse("ChargeClass", "Correction or null");
  const isMeasured = row.ChargeCategory === "Usage" && row.ChargeClass === "";
  if (isMeasured && row.PricingQuantity === "") refuse("PricingQuantity", "given for usage");
  if ((row.PricingQuantity === "") !== (row.PricingUnit === "")) refuse("PricingUnit", "given with a quantity only");
  if (row.ChargePeriodStart >= row.ChargePeriodEnd) refuse("ChargePeriodEnd", "after the charge period's start");
}

interface Common {
  readonly provider: number;
  readonly customer: number;
  /** What the customer owes more. */
  readonly cost: bigint;
  readonly currency: string;
  readonly bookedIn: bigint;
  readonly from: bigint;
  readonly to: bigint;
  readonly stay: BookedStay | undefined;
}

function commonRow(common: Common, labels: Labels): FocusRow {
  const { provider, customer, stay } = common;
  const cost = formatAmount(common.cost);
  const issuer = labelOf(labels, provider);
  return {
    BilledCost: cost,
    BillingAccountId: String(customer),
    BillingAccountName: labelOf(labels, customer),
    BillingCurrency: common.currency,
    BillingPeriodEnd: formatTime(nextMonth(common.bookedIn)),
    BillingPeriodStart: formatTime(common.bookedIn),
    ChargeCategory: "",
    ChargeClass: "",
    ChargeDescription: "",
    ChargeFrequency: "Usage-Based",
    ChargePeriodEnd: formatTime(common.to),
    ChargePeriodStart: formatTime(common.from),
    ConsumedQuantity: "",
    ConsumedUnit: "",
    ContractedCost: cost,
    EffectiveCost: cost,
    InvoiceIssuerName: issuer,
    ListCost: cost,
    PricingQuantity: "",
    PricingUnit: "",
    ProviderName: issuer,
    PublisherName: issuer,
    RegionId: stay ? String(stay.site) : "",
    ResourceId: stay?.vm ?? "",
    ResourceName: stay?.vm ?? "",
    ResourceType: stay ? "Virtual Machine" : "",
    ServiceCategory: "Compute",
    ServiceName: "VM hosting",
    ServiceSubcategory: "Virtual Machines",
    x_LineId: "",
    x_StaySequence: stay ? String(stay.sequence) : "",
    x_Window: "",
  };
}

/** Use and what was taken back of it are rows of their own. */
function usageRows(month: StayMonth, labels: Labels): FocusRow[] {
  const { stay, bookedIn, from, to, currency, rate } = month;
  const parts = [
    { cost: month.charged, ms: month.chargedMs, isTakenBack: false },
    { cost: month.takenBack, ms: -month.takenBackMs, isTakenBack: true },
  ];
  return parts
    .filter(({ ms }) => ms !== 0n)
    .map(({ cost, ms, isTakenBack }) => {
      const common = { provider: stay.host, customer: stay.home, cost, currency, bookedIn, from, to, stay };
      const quantity = formatSeconds(ms);
      // A correction is of a billing period before this one: within it, it only lowers the charge.
      const isCorrection = isTakenBack && month.month < bookedIn;
      return {
        ...commonRow(common, labels),
        ChargeCategory: "Usage",
        ChargeClass: isCorrection ? "Correction" : "",
        ChargeDescription: `${isTakenBack ? "Taken back of stay" : "Stay"} ${stay.sequence} at ${formatRate(rate)} ${currency} an hour`,
        ConsumedQuantity: quantity,
        ConsumedUnit: "Seconds",
        PricingQuantity: quantity,
        PricingUnit: "Seconds",
      };
    });
}

/** 1e-12 currency units. */
function formatRate(rate: bigint): string {
  const unit = AMOUNT_UNIT * 1_000n;
  return `${rate / unit}.${(rate % unit).toString().padStart(12, "0")}`;
}

function creditRow(line: CreditLine, { stays }: Statement, labels: Labels): FocusRow {
  const bookedIn = monthOf(line.bookedAt);
  const stay = stays.get(stayKey(line.vm, line.sequence));
  const common = {
    provider: line.debtor,
    customer: line.creditor,
    cost: -line.amount,
    currency: line.currency,
    bookedIn,
    from: line.from,
    // A window before which the stay's end was moved has no length any more.
    to: line.to > line.from ? line.to : line.from + 1n,
    stay,
  };
  return {
    ...commonRow(common, labels),
    ChargeCategory: "Credit",
    ChargeClass: monthOf(line.from) < bookedIn ? "Correction" : "",
    ChargeDescription: `SLA credit of ${line.creditBps / 100} % for window ${line.window}`,
    ChargeFrequency: "One-Time",
    x_LineId: line.id,
    x_Window: String(line.window),
  };
}

function noteRow(line: NoteLine, { stays }: Statement, labels: Labels): FocusRow {
  const bookedIn = monthOf(line.bookedAt);
  const stay = line.sequence === 0 ? undefined : stays.get(stayKey(line.vm, line.sequence));
  // Of a stay the host is the provider, whoever of the two the note favours.
  const isTurned = stay?.host === line.debtor;
  const common = {
    provider: isTurned ? line.debtor : line.creditor,
    customer: isTurned ? line.creditor : line.debtor,
    cost: isTurned ? -line.amount : line.amount,
    currency: line.currency,
    bookedIn,
    from: stay?.startedAt ?? bookedIn,
    to: stay ? line.through : nextMonth(bookedIn),
    stay,
  };
  return {
    ...commonRow(common, labels),
    ChargeCategory: "Adjustment",
    ChargeClass: line.reason === NoteReason.CORRECTION ? "Correction" : "",
    ChargeDescription: stay ? `Note in place of the charge of stay ${stay.sequence}` : `Note, reason ${line.reason}`,
    ChargeFrequency: "One-Time",
    x_LineId: line.id,
  };
}
