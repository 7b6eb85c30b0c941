// How numbers, money and times look to the reader, and how what they type is read. Amounts are exact decimals, never floats.
import Big from "../vendor/big-7.0.1.mjs";

Big.strict = true; // A float given to it is an error.
Big.DP = 20;

export { Big };

const locale = document.getElementById("terminal").dataset.locale;
const formatters = new Map();
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const calendar = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const parts = new Intl.NumberFormat(locale, { useGrouping: "always" }).formatToParts(1234567.5);
const GROUP = parts.find((part) => part.type === "group").value;
const POINT = parts.find((part) => part.type === "decimal").value;
const PLAIN = new RegExp(`^\\d{1,15}(?:${escaped(POINT)}\\d{1,10})?$`);
const GROUPED = new RegExp(`^\\d{1,3}(?:${escaped(GROUP)}\\d{3})+(?:${escaped(POINT)}\\d{1,10})?$`);

export function price(value, market) {
  return value == null ? "–" : formatter(Math.max(2, places(market.tick_size)), 10).format(value);
}

export function signedPrice(value, market) {
  return formatter(Math.max(2, places(market.tick_size)), 10, "exceptZero").format(value);
}

export function quantity(value) {
  return value == null ? "–" : formatter(0, 10).format(value);
}

export function money(value) {
  return formatter(2, 2).format(String(value));
}

export function signedMoney(value) {
  return formatter(2, 2, "exceptZero").format(String(value));
}

export function signedPercent(value) {
  return `${formatter(2, 2, "exceptZero").format(value.toFixed(2))} %`;
}

// As many decimals as it has, as in a step or a limit.
export function plainFigure(value) {
  return formatter(0, 10).format(String(value));
}

export function time(moment) {
  return clock.format(new Date(moment));
}

export function day(moment) {
  return calendar.format(new Date(moment));
}

// What somebody typed, as a plain decimal in a string; null where it could be read in two ways or in none.
export function readAmount(text) {
  const typed = text.trim().replace(/[\s\u00a0\u202f]/g, "");
  if (!PLAIN.test(typed) && !GROUPED.test(typed)) return null;
  return typed.replaceAll(GROUP, "").replace(POINT, ".");
}

// For a field: as the reader would type it, without grouping.
export function typedAmount(value) {
  return String(value).replace(".", POINT);
}

export function places(step) {
  return String(step).replace(/0+$/, "").split(".")[1]?.length ?? 0;
}

function formatter(fewest, most, signDisplay = "auto") {
  const key = `${fewest} ${most} ${signDisplay}`;
  if (!formatters.has(key)) {
    formatters.set(key, new Intl.NumberFormat(locale, {
      minimumFractionDigits: fewest, maximumFractionDigits: Math.max(fewest, most), signDisplay, useGrouping: "always",
    }));
  }
  return formatters.get(key);
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
