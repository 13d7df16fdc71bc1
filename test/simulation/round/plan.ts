import { Random } from '../../../src/base/random.js'
import type { WorkerLimits } from '../../../src/codec/worker-task.js'
import { DEFAULT_TUNING, type GroupTuning } from '../../../src/core/config.js'

/** How often what goes wrong. Rates per virtual second of the whole cluster; the others are probabilities. */
export interface RoundFaults {
  /** Per frame. */
  readonly loss: number
  readonly duplicate: number
  readonly slowFrame: number
  readonly flippedFrame: number
  /** At every place in a round where a process may die. */
  readonly crashInRound: number
  readonly crashesPerSecond: number
  /** A node is stopped as its operator would, and started again. */
  readonly stopsPerSecond: number
  /** The thread ends, the process lives. */
  readonly workerDeathsPerSecond: number
  readonly cutsPerSecond: number
  readonly slowNodesPerSecond: number
  readonly diskErrorsPerSecond: number
  readonly fullDisksPerSecond: number
  /** Bits flipped where a second copy makes it good. */
  readonly healedFlipsPerSecond: number
  /** Damage that ends a group, a voter, or a store; never on more than a minority of the voters of a group. */
  readonly damagePerSecond: number
  /** Per command: the machine throws what it must not. */
  readonly machineThrows: number
  readonly slowCommand: number
}

export const NO_FAULTS: RoundFaults = {
  loss: 0,
  duplicate: 0,
  slowFrame: 0,
  flippedFrame: 0,
  crashInRound: 0,
  crashesPerSecond: 0,
  stopsPerSecond: 0,
  workerDeathsPerSecond: 0,
  cutsPerSecond: 0,
  slowNodesPerSecond: 0,
  diskErrorsPerSecond: 0,
  fullDisksPerSecond: 0,
  healedFlipsPerSecond: 0,
  damagePerSecond: 0,
  machineThrows: 0,
  slowCommand: 0,
}

/** Everything about one run that its seed decides. */
export interface RoundPlan {
  readonly seed: number
  readonly nodes: number
  readonly groups: number
  readonly stores: number
  /** Rounds of all workers together before everything heals. */
  readonly rounds: number
  readonly callers: number
  readonly thinkMs: number
  readonly readShare: number
  readonly proposeOn: 'leader' | 'here'
  readonly tuning: GroupTuning
  readonly limits: Pick<WorkerLimits, 'maxCommandBytes' | 'maxResultBytes' | 'executionBudgetMs' | 'maxWaitingBytes'>
  readonly ringBytes: number
  readonly journalBytes: number
  readonly faults: RoundFaults
}

export interface RoundOverrides {
  readonly nodes?: number | undefined
  /** Disks fail, lose and fill up as often as they ever do. */
  readonly badDisks?: boolean
  readonly rounds?: number | undefined
}

function pick<T>(random: Random, ...choices: readonly T[]): T {
  return choices[random.below(choices.length)] as T
}

export function planRounds(seed: number, overrides: RoundOverrides): RoundPlan {
  const random = new Random(seed * 6007 + 11)
  const groups = pick(random, 1, 2, 3)
  // Times near those of messages and commits: leaders are suspected and deposed all the time.
  const nervous = random.chance(0.4)
  const faulty = random.chance(0.95)
  const some = (...rates: readonly number[]) => (faulty ? pick(random, 0, ...rates) : 0)
  const ofDisks = (...rates: readonly number[]) => {
    const rate = some(...rates)
    return overrides.badDisks ? Math.max(...rates) : rate
  }
  return {
    seed,
    nodes: overrides.nodes ?? pick(random, 3, 3, 3, 5),
    groups,
    stores: random.chance(0.5) ? 1 : groups,
    rounds: overrides.rounds ?? 3000,
    callers: pick(random, 2, 6, 20),
    thinkMs: pick(random, 0.5, 5, 30),
    readShare: pick(random, 0, 0.2, 0.5),
    proposeOn: pick(random, 'leader', 'leader', 'here'),
    tuning: {
      ...DEFAULT_TUNING,
      window: pick(random, 1, 3, 16),
      windowBytes: pick(random, 400, 5000, 1_000_000),
      batchBytes: pick(random, 200, 2000, 20_000),
      batchCount: pick(random, 1, 8, 1000),
      announceMs: pick(random, 0, 4),
      suspectMs: nervous ? pick(random, 40, 150) : 600,
      resendMs: nervous ? pick(random, 10, 40) : 200,
      forwardMs: nervous ? pick(random, 20, 100) : 400,
      backOffMs: nervous ? pick(random, 2, 10) : 20,
      learnMs: nervous ? pick(random, 20, 100) : 500,
      learnStartBytes: pick(random, 200, 2000),
      learnWindowBytes: pick(random, 2000, 100_000),
      learnChunkBytes: pick(random, 200, 2000),
      valueCacheBytes: pick(random, 0, 500, 1_000_000),
      sessionInstances: pick(random, 100, 1_000_000),
      chainHistory: pick(random, 4, 64, 4096),
    },
    limits: {
      maxCommandBytes: 6000,
      maxResultBytes: pick(random, 40, 10_000),
      executionBudgetMs: pick(random, 0.05, 1, 50),
      maxWaitingBytes: pick(random, 200, 5000, 1_000_000),
    },
    ringBytes: pick(random, 16 * 1024, 256 * 1024),
    journalBytes: pick(random, 4 * 1024, 16 * 1024, 64 * 1024),
    faults: {
      loss: some(0.01, 0.1),
      duplicate: some(0.02, 0.1),
      slowFrame: some(0.02, 0.15),
      flippedFrame: some(0, 0.01),
      crashInRound: some(0, 0.0005, 0.003),
      crashesPerSecond: some(0.3, 1.5),
      stopsPerSecond: some(0, 0.5),
      workerDeathsPerSecond: some(0, 0.5),
      cutsPerSecond: some(0.3, 1.5),
      slowNodesPerSecond: some(0, 0.3),
      diskErrorsPerSecond: ofDisks(0, 0.3),
      fullDisksPerSecond: ofDisks(0, 0.3),
      healedFlipsPerSecond: some(0, 1),
      damagePerSecond: ofDisks(0, 0.2, 0.5),
      machineThrows: some(0, 0.0005, 0.003),
      slowCommand: some(0, 0.01),
    },
  }
}
