import type { BenchOptions } from '../bench-options.js'
import type { Figures } from '../measure.js'
import { median, rate } from '../medians.js'
import type { SubjectName } from './run-record.js'

/** The runs of each part of a row. */
export type RowRuns = Readonly<Record<string, readonly Figures[]>>

export interface Check {
  readonly what: string
  readonly unit?: string
  /** One of the two. */
  readonly least?: number
  readonly most?: number
  reached(runs: RowRuns): number
}

/** One load of the project's performance table. */
export interface PerformanceRow {
  readonly name: string
  /** Run by turns, as often as there are rounds. */
  readonly parts: Readonly<Record<string, Partial<BenchOptions> & { readonly on?: SubjectName }>>
  readonly checks: readonly Check[]
  /** One check is enough. */
  readonly any?: boolean
}

const LONE = { groups: 1, callers: 1 }
const LONE_STORED = { ...LONE, machine: 'kv-stored' } as const
const FULL = { groups: 4, callers: 4_000 }
const ONE_GROUP = { groups: 1, callers: 1_000 }
const MANY = { many: 64, callers: 256 }
const SLOW_NET = { ...ONE_GROUP, rttMs: 20 }
const STEADY = { ...SLOW_NET, rate: 10_000 }

const rateOf = (part: string) => (runs: RowRuns) => median(runs[part]!, rate)
const p50Of = (part: string) => (runs: RowRuns) => median(runs[part]!, ({ latencyMs }) => latencyMs.p50)
const ratio = (of: (runs: RowRuns) => number, to: (runs: RowRuns) => number) => (runs: RowRuns) => of(runs) / to(runs)

const shareOfFloor: Check = {
  what: 'share of the floor',
  least: 0.85,
  reached: ratio(rateOf('runtime'), rateOf('floor')),
}
const commands = (least: number, part = 'runtime'): Check => {
  return { what: `commands/s, ${part}`, least, reached: rateOf(part) }
}
const loneCaller: readonly Check[] = [
  { what: 'p50 / that of the bare path', most: 1.5, reached: ratio(p50Of('runtime'), p50Of('floor')) },
  { what: 'p50', unit: 'ms', most: 0.45, reached: p50Of('runtime') },
]
const largest = (part: string, pick: (figures: Figures) => number) => (runs: RowRuns) =>
  Math.max(...runs[part]!.map(pick))

/** On a machine with two cores that all nodes and the load share. */
export const PERFORMANCE_ROWS: readonly PerformanceRow[] = [
  {
    name: '100 B, 4 groups, 4,000 callers',
    parts: { runtime: FULL, floor: { ...FULL, on: 'floor' } },
    checks: [
      shareOfFloor,
      { what: 'p99', unit: 'ms', most: 30, reached: (runs) => median(runs.runtime!, ({ latencyMs }) => latencyMs.p99) },
      {
        what: 'memory of a node',
        unit: 'MB',
        most: 350,
        reached: largest('runtime', ({ processes }) => Math.max(...processes.map(({ rssMegabytes }) => rssMegabytes))),
      },
    ],
  },
  {
    name: '100 B, 1 group, 1,000 callers',
    parts: { runtime: ONE_GROUP, floor: { ...ONE_GROUP, on: 'floor' } },
    checks: [shareOfFloor],
  },
  {
    name: '100 B, 1 group, 100 callers',
    parts: { runtime: { groups: 1, callers: 100 } },
    checks: [commands(150_000), { what: 'p50', unit: 'ms', most: 0.7, reached: p50Of('runtime') }],
  },
  {
    name: '16 B, calls of 64, counter',
    parts: {
      raw: { ...MANY, groups: 1, bytes: 16, machine: 'counter' },
      cbor: { ...MANY, groups: 1, bytes: 16, machine: 'counter', encoding: 'cbor' },
    },
    checks: [commands(3_000_000, 'raw'), commands(1_500_000, 'cbor')],
  },
  { name: '100 B, calls of 64, 4 groups', parts: { runtime: { ...MANY, groups: 4 } }, checks: [commands(1_200_000)] },
  {
    name: '1 KB, 4 groups, 1,000 callers',
    parts: { runtime: { groups: 4, callers: 1_000, bytes: 1_024 } },
    checks: [commands(150_000)],
  },
  { name: '1 caller, 100 B', parts: { runtime: LONE, floor: { ...LONE, on: 'floor' } }, checks: loneCaller },
  {
    name: '1 caller, 100 B, stored machine',
    parts: { runtime: LONE_STORED, floor: { ...LONE_STORED, on: 'floor' } },
    checks: loneCaller,
  },
  {
    name: '100 B, 4 groups, 4,000 callers, proposed on all nodes',
    parts: { one: FULL, all: { ...FULL, load: 'all' } },
    checks: [
      { what: 'of the load from one node', least: 0.8, reached: ratio(rateOf('all'), rateOf('one')) },
      { what: 'longest stall', unit: 'ms', most: 100, reached: largest('all', ({ latencyMs }) => latencyMs.max) },
    ],
  },
  {
    name: 'round trip of 20 ms, 1 group, windows of 1 and 16',
    parts: {
      'W=1': { ...SLOW_NET, window: 1 },
      'W=16': { ...SLOW_NET, window: 16 },
      'W=1, steady': { ...STEADY, window: 1 },
      'W=16, steady': { ...STEADY, window: 16 },
    },
    checks: [
      { what: 'commands/s, W=16 / W=1', least: 3, reached: ratio(rateOf('W=16'), rateOf('W=1')) },
      {
        what: 'p50 at 10,000 commands/s due, W=16 / W=1',
        most: 0.9,
        reached: ratio(p50Of('W=16, steady'), p50Of('W=1, steady')),
      },
    ],
    any: true,
  },
  {
    name: 'flushes 2 ms slower',
    parts: { full: { ...FULL, flushDelayMs: 2 }, lone: { ...LONE, flushDelayMs: 2 } },
    checks: [commands(500_000, 'full'), { what: 'p50 of a lone caller', unit: 'ms', most: 3, reached: p50Of('lone') }],
  },
]
