// format.js: figures as people read them.

const counts = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function count(figure) {
  const number = Number(figure ?? 0);
  return Math.abs(number) < 10000 ? plain.format(number) : counts.format(number);
}

export function bytes(figure) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let number = Number(figure ?? 0);
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit++;
  }
  return `${plain.format(number)} ${units[unit]}`;
}

export function percent(fraction) {
  return `${plain.format(100 * (fraction ?? 0))} %`;
}

export function milliseconds(figure) {
  if (figure === null || figure === undefined) return "–";
  if (figure < 10) return `${figure.toFixed(2)} ms`;
  return figure < 10000 ? `${plain.format(figure)} ms` : `${plain.format(figure / 1000)} s`;
}

export function duration(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  for (const [size, unit] of parts) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return "0 s";
}

export function time(ms) {
  return ms ? new Date(ms).toLocaleString() : "–";
}

export function json(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
