import type { GroupIndex } from '../base/numbers.js'
import { valueCodec } from '../codec/commands.js'
import { limitsFor } from '../codec/limits.js'
import type { PortChange } from '../codec/port-news.js'
import { ALL_GROUPS } from '../codec/record-kinds.js'
import type { WorkerStore, WorkerTask } from '../codec/worker-task.js'
import type { GroupConfig } from '../core/config.js'
import { Membership } from '../core/membership.js'
import type { WorkerGate } from '../ring/gate-word.js'
import type { PortMemory } from '../ring/port-memory.js'
import { Sequences } from '../ring/sequences.js'
import { Tally } from '../ring/tally.js'
import type { WorkerEnd } from '../ring/worker-memory.js'
import type { AnyStateMachine } from '../state-machine/contract.js'
import type { LogStore, StoreGate } from '../store/log-store.js'
import type { StateStore } from '../store/state-store.js'
import type { StoreError } from '../store/store-error.js'
import { CatchUps } from './catch-ups.js'
import type { Clock } from './clock.js'
import { alarm, textOf } from './events.js'
import { GroupHost } from './group-host.js'
import { HostedStore } from './hosted-store.js'
import { Outbox } from './outbox.js'
import { payloadTools } from './payload-tools.js'
import { Round } from './round.js'
import { StageNotes } from './stage-notes.js'
import { WakeUp } from './wake-up.js'
import { WorkerMeter } from './worker-meter.js'
import type { Workplace } from './workplace.js'

/** What differs between a thread and a test. */
export interface WorkerParts {
  readonly end: WorkerEnd
  readonly clock: Clock
  /** What the parts of a round are timed by: it decides nothing. */
  readonly watch: Clock
  readonly machines: readonly AnyStateMachine[]
  /** What the host has said of ports since it was last asked, one at a time. */
  nextPortChange(): PortChange<PortMemory> | undefined
  /** Opens the log of one store; what it throws at the start is the start's failure. */
  openLog(store: WorkerStore): LogStore
  /** Opens the state environment of one store; only called where a machine needs it. */
  openState(store: WorkerStore, setAside: (error: StoreError, aside: string) => void, damaged?: StoreError): StateStore
}

/** All of a worker but its loop: stores are open, groups not yet built (`Round.start`). */
export function buildWorker(task: WorkerTask, parts: WorkerParts): { round: Round; place: Workplace } {
  const { end, clock, watch, machines, nextPortChange, openLog, openState } = parts
  const needsState = machines.some(({ kind }) => kind === 'stored' || kind === 'external')
  const { maxValueBytes } = limitsFor(task.limits.maxCommandBytes, task.tuning)
  const place: Workplace = {
    outbox: new Outbox(end.outbox, end.gate, task.peers),
    sequences: new Sequences(
      task.sequences,
      task.stores.flatMap(({ groups }) => groups),
    ),
    gate: end.gate,
    clock,
    meter: new WorkerMeter(end.counters, watch),
    limits: task.limits,
    messageBounds: { maxMessageBytes: task.limits.maxMessageBytes, maxValueBytes },
    machines,
    needsState,
    clusterId: task.clusterId,
    checkpoints: task.checkpoints,
    hold: task.hold,
    state: task.state,
    scrub: task.scrub,
    payloads: payloadTools,
    links: new Map(),
    wakeUp: new WakeUp(),
    catchUps: new CatchUps(new Tally(task.catchUps), task.worker, task.tuning),
  }
  const setAside = (error: StoreError, aside: string) => {
    const message = textOf(`${error.message} What was there lies in ${aside} now; the state is built anew.`)
    place.outbox.event(ALL_GROUPS, alarm('STATE_DAMAGED', { message, path: error.path }))
  }
  const stores: HostedStore[] = []
  const hosts: GroupHost[] = []
  try {
    for (const described of task.stores) {
      const openers = {
        log: () => openLog(described),
        state: needsState ? (damaged?: StoreError) => openState(described, setAside, damaged) : undefined,
      }
      const store = new HostedStore(described.path, openers, place.wakeUp, task.sync)
      stores.push(store)
      for (const [i, group] of described.groups.entries()) {
        const paths = { checkpoints: described.checkpointPaths[i] as string, external: described.externalPath }
        const host = new GroupHost(place, group, store, groupConfig(task, group), paths)
        store.groups.push(host)
        hosts.push(host)
      }
    }
  } catch (error) {
    for (const store of stores) store.close()
    throw error
  }
  const notes = end.stages === undefined ? undefined : new StageNotes(end.stages, hosts, watch)
  return { round: new Round(place, stores, hosts, end, nextPortChange, notes), place }
}

/** The gate around every native transaction: a condemned thread never enters one. */
export function storeGate(gate: WorkerGate): StoreGate {
  return {
    beginCommit: () => {
      if (!gate.tryBeginCommit()) gate.halt()
    },
    endCommit: () => gate.endCommit(),
  }
}

function groupConfig(task: WorkerTask, group: GroupIndex): GroupConfig {
  const { nodeId, voterId, incarnation, proposeOn, tuning } = task
  return {
    nodeId,
    voterId,
    incarnation,
    membership: new Membership(0, task.voters),
    values: valueCodec,
    // Groups of one node, and nodes of one group, must not draw the same delays.
    seed: task.seed + group * 65_537 + nodeId,
    proposeOn,
    tuning,
  }
}
