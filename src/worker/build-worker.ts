import type { GroupIndex } from '../base/numbers.js'
import { valueCodec } from '../codec/commands.js'
import { limitsFor } from '../codec/limits.js'
import type { WorkerStore, WorkerTask } from '../codec/worker-task.js'
import type { GroupConfig } from '../core/config.js'
import { Membership } from '../core/membership.js'
import type { WorkerGate } from '../ring/gate-word.js'
import type { WorkerEnd } from '../ring/worker-memory.js'
import type { AnyStateMachine } from '../state-machine/contract.js'
import type { LogStore, StoreGate } from '../store/log-store.js'
import type { Clock } from './clock.js'
import { GroupHost } from './group-host.js'
import { HostedStore } from './hosted-store.js'
import { Outbox } from './outbox.js'
import { payloadTools } from './payload-tools.js'
import { Round } from './round.js'
import { WakeUp } from './wake-up.js'
import { WorkerMeter } from './worker-meter.js'
import type { Workplace } from './workplace.js'

/** What differs between a thread and a test. */
export interface WorkerParts {
  readonly end: WorkerEnd
  readonly clock: Clock
  readonly machines: readonly AnyStateMachine[]
  /** Opens the log of one store; what it throws at the start is the start's failure. */
  openLog(store: WorkerStore): LogStore
}

/** All of a worker but its loop: stores are open, groups not yet built (`Round.start`). */
export function buildWorker(task: WorkerTask, parts: WorkerParts): { round: Round; place: Workplace } {
  const { end, clock, machines, openLog } = parts
  const { maxValueBytes } = limitsFor(task.limits.maxCommandBytes, task.tuning)
  const place: Workplace = {
    outbox: new Outbox(end.outbox, end.gate, task.peers),
    gate: end.gate,
    clock,
    meter: new WorkerMeter(end.counters),
    limits: task.limits,
    messageBounds: { maxMessageBytes: task.limits.maxMessageBytes, maxValueBytes },
    machines,
    payloads: payloadTools,
    links: new Map(),
    wakeUp: new WakeUp(),
  }
  const stores: HostedStore[] = []
  const hosts: GroupHost[] = []
  try {
    for (const described of task.stores) {
      const store = new HostedStore(described.path, () => openLog(described), place.wakeUp)
      stores.push(store)
      for (const group of described.groups) {
        const host = new GroupHost(place, group, store, groupConfig(task, group))
        store.groups.push(host)
        hosts.push(host)
      }
    }
  } catch (error) {
    for (const store of stores) store.close()
    throw error
  }
  return { round: new Round(place, stores, hosts, end), place }
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
