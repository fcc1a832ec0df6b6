// live.js: what happened between two looks at counters that only grow.

const own = ["monitor.", "core.", "http."]; // what this page itself causes

// Sums of all methods but the page's own.
function sumMethods(methods) {
  const sum = { calls: 0, errors: 0, buckets: [] };
  for (const [name, method] of Object.entries(methods ?? {})) {
    if (own.some((each) => name.startsWith(each))) continue;
    sum.calls += method.calls;
    sum.errors += method.errors;
    method.latency_us.forEach((figure, i) => (sum.buckets[i] = (sum.buckets[i] ?? 0) + figure));
  }
  return sum;
}

// Bucket i counts what took less than 2^i microseconds; the answer in milliseconds.
export function percentile(buckets, part) {
  const total = buckets.reduce((sum, figure) => sum + figure, 0);
  if (total === 0) return null;
  let below = 0;
  for (let i = 0; i < buckets.length; i++) {
    if (below + buckets[i] >= part * total) {
      const inside = (part * total - below) / buckets[i];
      const low = i === 0 ? 0 : 2 ** (i - 1);
      return (low + inside * (2 ** i - low)) / 1000;
    }
    below += buckets[i];
  }
  return null;
}

export class Live {
  #before = null;
  #kept;
  constructor(kept) {
    this.#kept = kept;
    this.times = [];
    this.hitRate = [];
    this.calls = [];
    this.errors = [];
    this.p50 = [];
    this.p99 = [];
  }

  look(now, stats, types) {
    const methods = sumMethods(stats.methods);
    const reads = { hits: 0, total: 0 };
    for (const type of Object.values(types ?? {})) {
      reads.hits += type.hits;
      reads.total += type.total;
    }
    const before = this.#before;
    this.#before = { now, methods, reads };
    if (before === null) return;
    const seconds = Math.max((now - before.now) / 1000, 0.001);
    const grown = (a, b) => Math.max(a - b, 0);
    const buckets = methods.buckets.map((figure, i) => grown(figure, before.methods.buckets[i] ?? 0));
    const total = grown(reads.total, before.reads.total);
    this.times.push(now / 1000);
    this.hitRate.push(total === 0 ? null : Math.min(100, (100 * grown(reads.hits, before.reads.hits)) / total));
    this.calls.push(grown(methods.calls, before.methods.calls) / seconds);
    this.errors.push(grown(methods.errors, before.methods.errors) / seconds);
    this.p50.push(percentile(buckets, 0.5));
    this.p99.push(percentile(buckets, 0.99));
    for (const line of [this.times, this.hitRate, this.calls, this.errors, this.p50, this.p99]) {
      if (line.length > this.#kept) line.shift();
    }
  }
}
