import type { NodeId } from '../base/numbers.js'
import type { Limits } from '../codec/limits.js'
import type { CheckpointPolicy, HoldPolicy, ScrubPolicy, StatePolicy, WorkerLimits } from '../codec/worker-task.js'
import type { VoterId } from '../core/membership.js'
import type { WorkerGate } from '../ring/gate-word.js'
import type { Sequences } from '../ring/sequences.js'
import type { AnyStateMachine } from '../state-machine/contract.js'
import type { PayloadTools } from '../state-machine/outcome.js'
import type { CatchUps } from './catch-ups.js'
import type { Clock } from './clock.js'
import type { Outbox } from './outbox.js'
import type { WakeUp } from './wake-up.js'
import type { WorkerMeter } from './worker-meter.js'

/** The state of the links with one peer, as the host told it last: a rebuilt group must hear it again. */
export interface LinkState {
  readonly voterId: VoterId
  readonly up: boolean
}

/** What all groups of one worker share. */
export interface Workplace {
  readonly outbox: Outbox
  readonly sequences: Sequences
  readonly gate: WorkerGate
  readonly clock: Clock
  readonly meter: WorkerMeter
  readonly limits: WorkerLimits
  /** What a peer may send. */
  readonly messageBounds: Pick<Limits, 'maxMessageBytes' | 'maxValueBytes'>
  readonly machines: readonly AnyStateMachine[]
  /** There are stored or external machines: positions of the groups are kept in the state environment. */
  readonly needsState: boolean
  readonly clusterId: string
  readonly checkpoints: CheckpointPolicy
  readonly hold: HoldPolicy
  readonly state: StatePolicy
  readonly scrub: ScrubPolicy
  readonly payloads: PayloadTools
  readonly links: Map<NodeId, LinkState>
  readonly wakeUp: WakeUp
  readonly catchUps: CatchUps
}
