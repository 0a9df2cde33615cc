// Compiled by the stage `node`, never run: the types allow what the README shows and refuse what fails.
import { Engine, Sketch, Snapshot, PointmillError, options, type Entry, type Stats } from 'pointmill';

const engine = new Engine({ contextsMax: 10, onExit: (last) => void last.length });
const metric = engine.distribution('a', ['b:c'] as const);
metric.record(1);
metric.recordAt(1, new Date());
metric.recordSampledAt(1, 0.5, 1_700_000_000);
const refused: number = metric.recordMany(new Float64Array(3));
engine.recordCount('c', refused);
const stats: Stats = engine.stats();
export const pending: number = stats.balances() ? stats.pending : 0;

export async function use(): Promise<number> {
  const snapshot: Snapshot = await engine.flush({ all: true });
  const first: Entry | undefined = [...snapshot].find((entry) => entry.name === 'a');
  const names = [...snapshot].map((entry) => entry.name);
  const merged = Snapshot.merge([snapshot]).groupBy(['env'], { mergeIntervals: true });
  const { payloads } = await merged.encode({ format: 'series_v2', tags: ['a:b'] });
  const sketch = Sketch.decode(new Sketch([1]).insert(1).encode());
  if (engine.share().token > 0) Engine.attach(engine.share());
  await engine.close();
  return (first?.quantile(0.5) ?? 0) + names.length + payloads.length + sketch.count + options().length;
}

try {
  use();
} catch (error) {
  if (error instanceof PointmillError && error.code === 'POINTMILL_E_NOT_FINITE') throw error;
}

// @ts-expect-error a value is a number
metric.record('1');
// @ts-expect-error tags are an array
engine.distribution('a', { b: 'c' });
// @ts-expect-error an option that does not exist
new Engine({ contextMax: 5 });
// @ts-expect-error a format that does not exist
Sketch.decode(new Uint8Array(), 'xml');
