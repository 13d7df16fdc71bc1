import type { Acceptor } from './acceptor.js'
import type { CheckpointFetch } from './checkpoint-fetch.js'
import type { CheckpointSource } from './checkpoint-source.js'
import type { LearnSource } from './learn-source.js'
import type { Learner } from './learner.js'
import type { Origin } from './origin.js'
import type { Proposer } from './proposer.js'
import type { Reads } from './reads.js'
import type { Repair } from './repair.js'

/** The roles of one group, known to each other; filled by the group. */
export interface Roles {
  acceptor: Acceptor
  proposer: Proposer
  learner: Learner
  source: LearnSource
  origin: Origin
  reads: Reads
  repair: Repair
  checkpoints: CheckpointSource
  fetch: CheckpointFetch
}
