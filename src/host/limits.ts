import { type Limits as CodecLimits, checkLimits as checkCodecLimits, limitsFor } from '../codec/limits.js'
import type { GroupTuning } from '../core/config.js'
import { KEPT_RINGS, portMemoryBytes } from '../ring/port-memory.js'
import type { ParsedOptions } from './option-schema.js'

/**
 * All bounds of a node that depend on one another, and why. Everything that holds bytes between a socket and a disk is
 * here; sizes of messages and frames follow from codec/limits.ts. A relation that does not hold is refused at the
 * start, with the name of the option to change.
 */
export interface Limits extends CodecLimits {
  /** Protocol bytes waiting for one peer; above it they are dropped, and the protocol repairs it. */
  readonly linkBytes: number
  /** All rings of one worker. */
  readonly ringBytes: number
  readonly maxMemoryBytes: number
  /** What one port of the application may hold, in its thread and in those of the workers. */
  readonly portBytes: number
  /** How many ports there may be at one time. */
  readonly maxPorts: number
}

export interface Violation {
  readonly option: string
  readonly sentence: string
}

/** Each is two bells and three rings for each worker to look at. */
const MAX_PORTS = 64

const DEFAULT_LINK_BYTES = 64 * 1024 * 1024

/** How many of what holds bytes there is. */
export interface Counts {
  readonly workers: number
  readonly stores: number
  readonly groups: number
}

export function computeLimits(options: ParsedOptions, tuning: GroupTuning, counts: Counts): Limits {
  const { memory } = options
  const codec = limitsFor(options.maxCommandBytes, tuning)
  const linkBytes = memory.linkBytes ?? Math.max(DEFAULT_LINK_BYTES, codec.maxFrameBytes)
  const ringBytes = memory.controlRingBytes + memory.commandRingBytes + memory.outboxRingBytes
  const sizes = { ...codec, linkBytes, ringBytes }
  const needed = neededMemory(options, sizes, counts)
  const maxMemoryBytes = options.maxMemoryBytes ?? needed
  const portBytes = counts.workers * portWorkerBytes(options) + counts.groups * options.admission.maxWaitingBytes
  // Ports are made while the node runs: what the others leave of a bound is theirs.
  const spare = options.maxMemoryBytes === undefined ? Number.POSITIVE_INFINITY : maxMemoryBytes - needed
  const maxPorts = Math.max(0, Math.min(MAX_PORTS, Math.floor(spare / portBytes)))
  return { ...sizes, maxMemoryBytes, portBytes, maxPorts }
}

/** The rings between one port and one worker, and what that worker keeps for it: worker/port-outbox.ts. */
function portWorkerBytes({ memory }: ParsedOptions): number {
  return portMemoryBytes(memory.portRingBytes) + KEPT_RINGS * memory.portRingBytes
}

/**
 * The bound on bytes in rings, on links, in the queues of the groups, and in the caches of the stores' state, as if every
 * store had a machine that uses one. The heaps of the threads come on top, and the values that wait for their execution.
 */
function neededMemory(
  options: ParsedOptions,
  limits: Pick<Limits, 'linkBytes' | 'ringBytes'>,
  { workers, stores, groups }: Counts,
): number {
  const { admission, state } = options
  const peers = Object.keys(options.nodes).length - 1
  const queues = limits.ringBytes * workers + limits.linkBytes * peers + admission.maxWaitingBytes * groups
  return queues + state.cacheBytes * stores
}

interface Relation {
  readonly option: string
  readonly got: number
  readonly holds: boolean
  readonly takes: string
  readonly reason: string
}

export function checkLimits(options: ParsedOptions, tuning: GroupTuning, counts: Counts): Violation | undefined {
  const limits = computeLimits(options, tuning, counts)
  for (const { option, got, holds, takes, reason } of relations(options, tuning, limits, counts)) {
    if (!holds) return { option, sentence: `got ${got}, takes ${takes}: ${reason}` }
  }
  const codec = checkCodecLimits(limits, tuning)[0]
  return codec === undefined ? undefined : { option: 'maxCommandBytes or tuning', sentence: codec }
}

function relations(options: ParsedOptions, tuning: GroupTuning, limits: Limits, counts: Counts): Relation[] {
  const { memory, admission, timeouts } = options
  const atLeast = (option: string, got: number, low: number, reason: string): Relation => {
    return { option, got, holds: got >= low, takes: `at least ${low}`, reason }
  }
  const atMost = (option: string, got: number, high: number, reason: string): Relation => {
    return { option, got, holds: got <= high, takes: `at most ${high}`, reason }
  }
  const { workers, stores, groups } = counts
  const needed = neededMemory(options, limits, counts)
  const { batchBytes, learnWindowBytes, maxBackOffMs, resendMs } = tuning
  return [
    atLeast(
      'admission.maxWaitingBytes',
      admission.maxWaitingBytes,
      limits.maxCommandBytes,
      'a command of maxCommandBytes must fit into the queue of its group',
    ),
    // A ring takes messages up to a quarter of itself whole; the others go in fragments, one message after another.
    atLeast(
      'memory.controlRingBytes',
      memory.controlRingBytes,
      4 * batchBytes,
      'an accept of tuning.batchBytes must pass without being cut',
    ),
    atLeast(
      'memory.outboxRingBytes',
      memory.outboxRingBytes,
      4 * batchBytes,
      'an accept of tuning.batchBytes must pass without being cut',
    ),
    // The link drops whole messages above its bound: a frame beyond it would never pass.
    atLeast('memory.linkBytes', limits.linkBytes, limits.maxFrameBytes, 'one frame with the largest message must fit'),
    atMost(
      'tuning.learnChunkBytes',
      tuning.learnChunkBytes,
      learnWindowBytes,
      'one chunk must fit into tuning.learnWindowBytes',
    ),
    atMost('tuning.backOffMs', tuning.backOffMs, maxBackOffMs, 'the back-off grows up to tuning.maxBackOffMs'),
    // Otherwise a single lost frame could cost a leader its place.
    atLeast(
      'tuning.suspectMs',
      tuning.suspectMs,
      resendMs,
      'a lost message is sent again after tuning.resendMs, before its sender is suspected',
    ),
    atLeast(
      'timeouts.userCodeMs',
      timeouts.userCodeMs,
      2 * options.executionBudgetMs,
      'a round of executionBudgetMs must not pass for a stuck one',
    ),
    atLeast(
      'maxMemoryBytes',
      limits.maxMemoryBytes,
      needed,
      `${workers} workers, ${Object.keys(options.nodes).length - 1} links, the queues of ${groups} groups and the state of ${stores} stores may hold that much; lower memory.*, admission.maxWaitingBytes or state.cacheBytes`,
    ),
  ]
}
