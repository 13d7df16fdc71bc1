import { Random } from '../../src/base/random.js'
import { DEFAULT_TUNING, type GroupTuning } from '../../src/core/config.js'

/** How often what goes wrong. Rates per virtual second, probabilities per message. */
export interface FaultPlan {
  readonly loss: number
  readonly duplicate: number
  readonly slowMessage: number
  /** Each direction of a connection keeps its order, as a real one does. */
  readonly inOrder: boolean
  readonly crashesPerSecond: number
  readonly crashInRound: number
  readonly partitionsPerSecond: number
  readonly slowNodesPerSecond: number
}

export const NO_FAULTS: FaultPlan = {
  loss: 0,
  duplicate: 0,
  slowMessage: 0,
  inOrder: false,
  crashesPerSecond: 0,
  crashInRound: 0,
  partitionsPerSecond: 0,
  slowNodesPerSecond: 0,
}

/** Everything about one run that its seed decides. */
export interface RunPlan {
  readonly seed: number
  readonly nodes: number
  readonly groups: number
  readonly steps: number
  readonly callers: number
  readonly thinkMs: number
  readonly readShare: number
  readonly proposeOn: 'leader' | 'here'
  readonly tuning: GroupTuning
  readonly faults: FaultPlan
}

export interface PlanOverrides {
  readonly nodes?: number | undefined
  readonly groups?: number | undefined
  readonly steps?: number | undefined
}

export function pick<T>(random: Random, ...choices: readonly T[]): T {
  return choices[random.below(choices.length)] as T
}

export function planRun(seed: number, overrides: PlanOverrides): RunPlan {
  const random = new Random(seed * 7919 + 17)
  const window = pick(random, 1, 2, 3, 8, 16)
  const batchBytes = pick(random, 100, 300, 2000, 100_000)
  const faulty = random.chance(0.95)
  // Times near those of messages and commits: leaders are suspected and deposed all the time.
  const nervous = random.chance(0.4)
  return {
    seed,
    nodes: overrides.nodes ?? pick(random, 3, 3, 3, 5),
    groups: overrides.groups ?? 1,
    steps: overrides.steps ?? 20_000,
    callers: pick(random, 2, 4, 8, 16),
    thinkMs: pick(random, 0.5, 5, 30),
    readShare: pick(random, 0, 0.1, 0.4),
    proposeOn: pick(random, 'leader', 'leader', 'here'),
    tuning: {
      ...DEFAULT_TUNING,
      window,
      suspectMs: nervous ? pick(random, 15, 40, 150) : 600,
      resendMs: nervous ? pick(random, 10, 50) : 200,
      forwardMs: nervous ? pick(random, 20, 100) : 400,
      backOffMs: nervous ? pick(random, 2, 10) : 20,
      learnMs: nervous ? pick(random, 20, 100) : 500,
      windowBytes: pick(random, 300, 5000, 1_000_000),
      batchBytes,
      batchCount: pick(random, 1, 2, 8, 1000),
      learnWindowBytes: pick(random, 400, 4000, 100_000),
      learnChunkBytes: pick(random, 200, 1000, 20_000),
      announceMs: pick(random, 0, 4),
      learnStartBytes: pick(random, 200, 2000),
      learnRest: pick(random, 0, 1, 4),
      valueCacheBytes: pick(random, 0, 200, 2000, 1_000_000),
      sessionInstances: pick(random, 100, 1000, 1_000_000),
      chainHistory: pick(random, 4, 64, 4096),
    },
    faults: {
      loss: faulty ? pick(random, 0, 0.01, 0.05, 0.2) : 0,
      duplicate: faulty ? pick(random, 0, 0.02, 0.1) : 0,
      slowMessage: faulty ? pick(random, 0, 0.02, 0.2) : 0,
      inOrder: false,
      crashesPerSecond: faulty ? pick(random, 0, 0.2, 1, 3) : 0,
      crashInRound: faulty ? pick(random, 0, 0, 0.0005, 0.003) : 0,
      partitionsPerSecond: faulty ? pick(random, 0, 0.3, 1, 3) : 0,
      slowNodesPerSecond: faulty ? pick(random, 0, 0.2) : 0,
    },
  }
}
