import type { System } from './peers-options.js'
import type { Dialect } from './put-requests.js'
import type { PutFigures } from './put-run.js'

/** One kind of load on one system. */
export interface Line {
  readonly system: System
  readonly dialect: Dialect
  /** One caller, where the others have all of `--connections`. */
  readonly alone: boolean
  readonly label: string
}

export const LINES = {
  kv: { system: 'kv', dialect: 'kv', alone: false, label: 'examples/kv' },
  kvAlone: { system: 'kv', dialect: 'kv', alone: true, label: 'examples/kv, one caller' },
  etcdGrpc: { system: 'etcd', dialect: 'etcd-grpc', alone: false, label: 'etcd, gRPC' },
  etcdJson: { system: 'etcd', dialect: 'etcd-json', alone: false, label: 'etcd, JSON gateway' },
  etcdGrpcAlone: { system: 'etcd', dialect: 'etcd-grpc', alone: true, label: 'etcd, gRPC, one caller' },
  etcdJsonAlone: { system: 'etcd', dialect: 'etcd-json', alone: true, label: 'etcd, JSON gateway, one caller' },
  empty: { system: 'empty', dialect: 'kv', alone: false, label: 'empty handler' },
} as const satisfies Record<string, Line>
export type LineId = keyof typeof LINES

export const linesOf = (system: System): LineId[] =>
  (Object.keys(LINES) as LineId[]).filter((id) => LINES[id].system === system)

export type Runs = Partial<Record<LineId, PutFigures[]>>

/** The middle of each figure by itself, over the rounds. */
export interface Medians {
  readonly putsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly serverMicros: number | undefined
  readonly loadMicros: number
  /** Of all rounds: answers that were no success, and connections that were lost. */
  readonly failures: number
}

/** Undefined: it takes more than was measured. */
export interface Ratios {
  /** Puts/s of kv over the better of etcd's two. */
  readonly kvOverEtcd: number | undefined
  /** Median latency of a lone caller: of kv over the better of etcd's two. */
  readonly kvOverEtcdAloneP50: number | undefined
  readonly kvOverEmpty: number | undefined
}

export function mediansOf(runs: readonly PutFigures[]): Medians {
  const of = (pick: (figures: PutFigures) => number) => middle(runs.map(pick))
  const server = of(({ serverMicros }) => serverMicros ?? Number.NaN)
  return {
    putsPerSecond: of(({ putsPerSecond }) => putsPerSecond),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    serverMicros: Number.isNaN(server) ? undefined : server,
    loadMicros: of(({ loadMicros }) => loadMicros),
    failures: runs.reduce((total, run) => total + failuresOf(run), 0),
  }
}

export function ratiosOf(medians: Partial<Record<LineId, Medians>>): Ratios {
  const { kv, kvAlone, etcdGrpc, etcdJson, etcdGrpcAlone, etcdJsonAlone, empty } = medians
  const over = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? undefined : a / b
  const isMedians = (value: Medians | undefined) => value !== undefined
  const etcd = [etcdGrpc, etcdJson].filter(isMedians).map(({ putsPerSecond }) => putsPerSecond)
  const etcdAlone = [etcdGrpcAlone, etcdJsonAlone].filter(isMedians).map(({ p50Ms }) => p50Ms)
  return {
    kvOverEtcd: over(kv?.putsPerSecond, etcd.length === 0 ? undefined : Math.max(...etcd)),
    kvOverEtcdAloneP50: over(kvAlone?.p50Ms, etcdAlone.length === 0 ? undefined : Math.min(...etcdAlone)),
    kvOverEmpty: over(kv?.putsPerSecond, empty?.putsPerSecond),
  }
}

/** 200 of HTTP, 0 of gRPC. */
const SUCCESSES = new Set(['200', '0'])

function failuresOf({ statuses, lost }: PutFigures): number {
  const bad = Object.entries(statuses).filter(([status]) => !SUCCESSES.has(status))
  return bad.reduce((total, [, count]) => total + count, lost.length)
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
