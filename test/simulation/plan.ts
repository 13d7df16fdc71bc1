import { Random } from '../../src/base/random.js'
import { DEFAULT_TUNING, type GroupTuning } from '../../src/core/config.js'
import type { MessageKind } from '../../src/core/messages.js'
import { MESSAGE_KINDS } from './coverage.js'
import type { Chances, Place } from './faults.js'
import { pick } from './pick.js'
import { planState, type StatePlan } from './state-plan.js'

/** How often what goes wrong. Rates per virtual second, probabilities per message or place. */
export interface FaultPlan {
  readonly loss: number
  readonly duplicate: number
  readonly slowMessage: number
  readonly linkBreak: number
  /** One kind of message meets every kind of fault more often: the rare kinds would hardly meet the rare faults. */
  readonly aimedAt: MessageKind | undefined
  readonly aimed: number
  readonly crashInRound: number
  readonly slowCommit: number
  readonly diskError: number
  readonly machineFails: number
  readonly recordDamaged: number
  readonly stateDamaged: number
  readonly checkpointDamaged: number
  /** A received part that is not what was offered, and a load that the disk does not let end. */
  readonly transferFails: number
  readonly crashesPerSecond: number
  readonly partitionsPerSecond: number
  readonly linkBreaksPerSecond: number
  readonly slowNodesPerSecond: number
  readonly disksLostPerSecond: number
  /** Clocks run at rates of 1 plus or minus this share. */
  readonly clockSpread: number
}

export const NO_FAULTS: FaultPlan = {
  loss: 0,
  duplicate: 0,
  slowMessage: 0,
  linkBreak: 0,
  aimedAt: undefined,
  aimed: 0,
  crashInRound: 0,
  slowCommit: 0.02,
  diskError: 0,
  machineFails: 0,
  recordDamaged: 0,
  stateDamaged: 0,
  checkpointDamaged: 0,
  transferFails: 0,
  crashesPerSecond: 0,
  partitionsPerSecond: 0,
  linkBreaksPerSecond: 0,
  slowNodesPerSecond: 0,
  disksLostPerSecond: 0,
  clockSpread: 0,
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
  /** Share of the operations without a result that their caller tries again at once, at any node. */
  readonly retryShare: number
  /** How many nodes propose `here`, without asking for a leader: more than one of them duel. */
  readonly duellists: number
  /** Each direction of a connection keeps its order, as a real one does. */
  readonly inOrder: boolean
  readonly tuning: GroupTuning
  readonly state: StatePlan
  readonly faults: FaultPlan
}

export interface PlanOverrides {
  readonly nodes?: number | undefined
  readonly groups?: number | undefined
  readonly steps?: number | undefined
}

export function planRun(seed: number, overrides: PlanOverrides): RunPlan {
  const random = new Random(seed * 7919 + 17)
  const window = pick(random, 1, 2, 3, 8, 16)
  const batchBytes = pick(random, 100, 300, 2000, 100_000)
  const faulty = random.chance(0.95)
  // Times near those of messages and commits: leaders are suspected and deposed all the time.
  const nervous = random.chance(0.4)
  const nodes = overrides.nodes ?? pick(random, 3, 3, 3, 5)
  return {
    seed,
    nodes,
    groups: overrides.groups ?? 1,
    steps: overrides.steps ?? 20_000,
    callers: pick(random, 2, 4, 8, 16),
    thinkMs: pick(random, 0.5, 5, 30),
    readShare: pick(random, 0, 0.1, 0.4),
    retryShare: pick(random, 0, 0.5),
    duellists: pick(random, 0, 0, 0, 0, 2, nodes, nodes),
    inOrder: random.chance(0.1),
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
      sessionInstances: pick(random, 10, 100, 1000, 1_000_000),
      chainHistory: pick(random, 4, 64, 4096),
      fetchBytesPerSecond: pick(random, 2000, 50_000, 1e9),
      fetchWindow: pick(random, 1, 2, 4),
      fetchHoldMs: pick(random, 100, 2000, 60_000),
    },
    state: planState(seed),
    faults: faulty ? planFaults(random) : NO_FAULTS,
  }
}

function planFaults(random: Random): FaultPlan {
  const rare = random.chance(0.33)
  return {
    loss: pick(random, 0, 0.01, 0.05, 0.2),
    duplicate: pick(random, 0, 0.02, 0.1),
    slowMessage: pick(random, 0, 0.02, 0.2),
    linkBreak: pick(random, 0, 0, 0.0005, 0.005),
    aimedAt: rare ? pick(random, ...RARE) : pick(random, undefined, ...MESSAGE_KINDS),
    aimed: rare ? 0.7 : pick(random, 0.1, 0.4),
    crashInRound: pick(random, 0, 0, 0.0005, 0.003),
    slowCommit: pick(random, 0, 0.02, 0.1),
    diskError: pick(random, 0, 0, 0, 0.002),
    machineFails: pick(random, 0, 0, 0, 0.002),
    recordDamaged: pick(random, 0, 0, 0, 0.005),
    stateDamaged: pick(random, 0, 0, 0.02),
    checkpointDamaged: pick(random, 0, 0, 0.03),
    transferFails: pick(random, 0, 0, 0.05),
    crashesPerSecond: pick(random, 0, 0.2, 1, 3),
    partitionsPerSecond: pick(random, 0, 0.3, 1, 3),
    linkBreaksPerSecond: pick(random, 0, 0, 1),
    slowNodesPerSecond: pick(random, 0, 0.2),
    disksLostPerSecond: pick(random, 0, 0, 0, 0.5),
    clockSpread: pick(random, 0, 0, 0.02, 0.3),
  }
}

/** The rarest kinds of messages are aimed at in every third run, and harder. */
const RARE: readonly MessageKind[] = ['redirect', 'busy', 'behind', 'learn-ack', 'learn-ack', 'offer', 'fetch', 'part']

/** What strikes a message of `kind`, or a place in a round, and how likely. */
export function chancesOf(faults: FaultPlan, kind: MessageKind | Place): Chances {
  switch (kind) {
    case 'input':
    case 'committed':
    case 'send':
      return { crash: faults.crashInRound }
    case 'commit':
      return { crash: 4 * faults.crashInRound, 'slow commit': faults.slowCommit, 'disk error': faults.diskError }
    case 'save':
      return { crash: 10 * faults.crashInRound, 'state damaged': faults.stateDamaged }
    case 'saved':
    case 'taking':
    case 'trimmed':
      return { crash: 15 * faults.crashInRound }
    case 'load received':
    case 'load log moved':
    case 'load state moved':
      // They are rare, and each of them is a moment of its own.
      return { crash: 100 * faults.crashInRound }
    case 'taken':
      return { crash: 15 * faults.crashInRound, 'checkpoint damaged': faults.checkpointDamaged }
    case 'part read':
      return { crash: 10 * faults.crashInRound, 'checkpoint damaged': faults.checkpointDamaged }
    case 'part stored':
      return { crash: 10 * faults.crashInRound, 'transfer fails': faults.transferFails }
    case 'load staged':
      return { crash: 100 * faults.crashInRound, 'transfer fails': 3 * faults.transferFails }
    case 'execution':
      return {
        crash: faults.crashInRound,
        'machine fails': faults.machineFails,
        'record damaged': faults.recordDamaged,
      }
    default:
      return messageChances(faults, kind === faults.aimedAt ? faults.aimed : 0)
  }
}

function messageChances({ loss, duplicate, slowMessage, linkBreak }: FaultPlan, aimed: number): Chances {
  return {
    lost: loss + aimed / 10,
    duplicated: duplicate + aimed / 10,
    slow: slowMessage + aimed / 10,
    'link breaks': linkBreak + aimed / 10,
    'one way cut': aimed / 10,
    partition: aimed / 10,
    'sender crashes': aimed / 10,
    'receiver crashes': aimed / 10,
  }
}
