import { z } from 'zod'
import { parseAddress } from './addresses.js'
import type { StageProbe } from './stage-sampler.js'

/**
 * What each option takes, cut by danger (docs/options.md): `stored` is fixed in the data directory when the cluster is
 * created, `identity` says who and where this node is, `tunable` may differ at each start and from node to node.
 */
const count = (low: number, high: number) => z.number().int().min(low).max(high)
const millis = (low: number, high: number) => z.number().min(low).max(high)

const stored = {
  groups: z
    .union([z.strictObject({ count: count(1, 65_534) }), z.strictObject({ perCore: count(1, 64) })])
    .default({ perCore: 1 }),
  stores: count(1, 4_096).optional(),
}

const address = z.string().refine((text) => parseAddress(text) !== undefined, "an address 'host:port' or '[v6]:port'")

const identity = {
  nodeId: count(1, 65_535),
  nodes: z.record(z.string().regex(/^[1-9]\d{0,4}$/, 'a node id from 1 to 65535'), address),
  listen: address.optional(),
  dataDir: z.string().min(1),
  clusterSecret: z.string().min(1, 'a shared secret of at least one character, the same on all nodes'),
  create: z.boolean().default(false),
  stateMachines: z.array(z.union([z.instanceof(URL), z.url()])).min(1),
}

const timeouts = z
  .strictObject({
    proposeMs: millis(1, 86_400_000).default(10_000),
    readMs: millis(1, 86_400_000).default(10_000),
    stopMs: millis(0, 600_000).default(5_000),
    userCodeMs: millis(50, 3_600_000).default(5_000),
    diskStallMs: millis(50, 3_600_000).default(10_000),
    startMs: millis(1, 3_600_000).default(60_000),
    maxRestartMs: millis(1, 3_600_000).default(10_000),
    birthMs: millis(0, 86_400_000).default(0),
  })
  .prefault({})

const admission = z
  .strictObject({
    maxWaiting: count(1, 10_000_000).default(65_536),
    maxWaitingBytes: count(1_024, 0x7fff_ffff).default(64 * 1024 * 1024),
    maxWaitMs: millis(1, 3_600_000).default(5_000),
  })
  .prefault({})

const tuning = z
  .strictObject({
    window: count(1, 1_024).optional(),
    windowBytes: count(1_024, 0x7fff_ffff).optional(),
    batchBytes: count(1_024, 0x4000_0000).optional(),
    batchCount: count(1, 1_000_000).optional(),
    resendMs: millis(1, 60_000).optional(),
    forwardMs: millis(1, 60_000).optional(),
    suspectMs: millis(10, 600_000).optional(),
    backOffMs: millis(1, 60_000).optional(),
    maxBackOffMs: millis(1, 600_000).optional(),
    learnMs: millis(1, 600_000).optional(),
    learnWindowBytes: count(1_024, 0x7fff_ffff).optional(),
    learnChunkBytes: count(1_024, 0x4000_0000).optional(),
    valueCacheBytes: count(1_024, 0x7fff_ffff).optional(),
    fetchBytesPerSecond: count(64 * 1024, Number.MAX_SAFE_INTEGER).optional(),
    sessionInstances: count(1_000, Number.MAX_SAFE_INTEGER).optional(),
    chainHistory: count(16, 1_000_000).optional(),
  })
  .prefault({})

const memory = z
  .strictObject({
    controlRingBytes: count(64 * 1024, 1 << 29).default(8 * 1024 * 1024),
    commandRingBytes: count(16 * 1024, 1 << 29).default(2 * 1024 * 1024),
    outboxRingBytes: count(64 * 1024, 1 << 29).default(8 * 1024 * 1024),
    portRingBytes: count(16 * 1024, 1 << 29).default(1024 * 1024),
    linkBytes: count(64 * 1024, 0x7fff_ffff).optional(),
    workerHeapMegabytes: count(32, 65_536).default(1_024),
    checkpointHeapMegabytes: count(32, 65_536).optional(),
  })
  .prefault({})

const checkpoints = z
  .strictObject({
    everyInstances: count(1, Number.MAX_SAFE_INTEGER).default(100_000),
    everyBytes: count(1, Number.MAX_SAFE_INTEGER).default(256 * 1024 * 1024),
    everyMs: millis(1_000, 86_400_000).default(600_000),
    keep: count(1, 100).default(2),
    threads: count(1, 64).default(1),
  })
  .prefault({})

const trimming = z
  .strictObject({
    holdInstances: count(0, Number.MAX_SAFE_INTEGER).default(10_000),
    holdMs: millis(0, 365 * 86_400_000).default(0),
    holdBytes: count(0, Number.MAX_SAFE_INTEGER).default(256 * 1024 * 1024),
  })
  .prefault({})

const state = z
  .strictObject({
    commitBytes: count(4_096, 0x4000_0000).default(4 * 1024 * 1024),
    commitMs: millis(1, 3_600_000).default(5_000),
    cacheBytes: count(1024 * 1024, Number.MAX_SAFE_INTEGER).default(32 * 1024 * 1024),
  })
  .prefault({})

const scrub = z
  .strictObject({
    bytesPerSecond: count(0, Number.MAX_SAFE_INTEGER).default(1024 * 1024),
    everyMs: millis(0, 365 * 86_400_000).default(86_400_000),
  })
  .prefault({})

export const sync = z
  .union([z.enum(['always', 'never']), z.strictObject({ intervalMs: millis(1, 3_600_000) })])
  .default('always')

export type { SyncMode } from '../codec/worker-task.js'

/** Hooks of benchmarks and tests; none of them belongs into production. */
const testing = z
  .strictObject({
    rttMs: millis(0, 10_000).default(0),
    flushDelayMs: millis(0, 10_000).default(0),
    workerUrl: z.instanceof(URL).optional(),
    onStages: z.custom<(probe: StageProbe) => void>((value) => typeof value === 'function', 'a function').optional(),
  })
  .prefault({})

const logger = z.custom<Logger>(
  (value) =>
    ['debug', 'info', 'warn', 'error'].every(
      (name) => typeof (value as Logger | undefined)?.[name as 'info'] === 'function',
    ),
  'an object with the functions debug, info, warn and error, as pino makes them',
)

const tunable = {
  threads: count(1, 1_024).optional(),
  listener: z.enum(['auto', 'uws', 'ws']).default('auto'),
  proposeOn: z.enum(['leader', 'here']).default('leader'),
  timeouts,
  admission,
  tuning,
  memory,
  checkpoints,
  trimming,
  state,
  scrub,
  sync,
  maxCommandBytes: count(64, 256 * 1024 * 1024).default(16 * 1024 * 1024),
  maxResultBytes: count(64, 256 * 1024 * 1024).default(1024 * 1024),
  maxMemoryBytes: count(1024 * 1024, Number.MAX_SAFE_INTEGER).optional(),
  executionBudgetMs: millis(1, 10_000).default(10),
  logger: logger.optional(),
  testing,
}

export const optionSchema = z.strictObject({ ...stored, ...identity, ...tunable })

/** What the host writes its log to; pino's loggers are one. The object comes first, then the sentence. */
export interface Logger {
  debug(details: object, message?: string): void
  info(details: object, message?: string): void
  warn(details: object, message?: string): void
  error(details: object, message?: string): void
}

type Input = z.input<typeof optionSchema>
/** The options of `PaxosNode.start`. docs/options.md has all of them with units and defaults. */
export type PaxosOptions = Omit<Input, 'nodes' | 'clusterSecret'> & {
  /** `{ 1: 'host:port', ... }`: this node and its peers. */
  readonly nodes: Readonly<Record<number, string>>
  /** The same on all nodes, and known to nobody else; missing (as an unset environment variable) is refused. */
  readonly clusterSecret: string | undefined
}
export type ParsedOptions = z.output<typeof optionSchema>
