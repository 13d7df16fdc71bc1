import { Random } from '../../src/base/random.js'
import { pick } from './pick.js'

/** What becomes of the state of the groups of one run, besides executing: all of it small, so that a short run sees much of it. */
export interface StatePlan {
  /** The machines keep their state in the state environment; else in memory, and begin at a checkpoint. */
  readonly isStored: boolean
  /** Executed instances from one commit of the state to the next, and from one checkpoint to the next. */
  readonly saveEvery: number
  readonly checkpointEvery: number
  /** Checkpoints kept. */
  readonly keep: number
  /** Instances of the log that are kept behind a checkpoint, and at the most for peers that catch up. */
  readonly hold: number
  readonly mostHeld: number
  /** How long it takes to make one, and to load one. */
  readonly takeMs: number
  readonly loadMs: number
  /** Of its data; manifests have one or two pieces. */
  readonly blocks: number
  /** It is offered to whoever lacks more instances, though the log has them. */
  readonly paysFrom: number
}

/** The state is saved, and nothing is trimmed. */
export const CALM_STATE: StatePlan = {
  isStored: true,
  saveEvery: 200,
  checkpointEvery: Number.POSITIVE_INFINITY,
  keep: 2,
  hold: 0,
  mostHeld: 0,
  takeMs: 0,
  loadMs: 0,
  blocks: 1,
  paysFrom: Number.POSITIVE_INFINITY,
}

/** Its draws are its own: what else the seed decides does not depend on them. */
export function planState(seed: number): StatePlan {
  const random = new Random(seed * 6151 + 11)
  return {
    isStored: random.chance(0.65),
    saveEvery: pick(random, 1, 3, 10, 40),
    checkpointEvery: pick(random, 2, 5, 15, 50),
    keep: pick(random, 1, 1, 2),
    hold: pick(random, 0, 0, 2, 10, 40),
    mostHeld: pick(random, 5, 50, 1000),
    takeMs: pick(random, 1, 20, 200),
    loadMs: pick(random, 1, 20, 200),
    blocks: pick(random, 1, 2, 4, 8),
    paysFrom: pick(random, 3, 30, Number.POSITIVE_INFINITY),
  }
}
